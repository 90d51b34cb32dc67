"""The report is one complete file that shows all there is and trusts nothing it shows."""

import base64
from dataclasses import replace

from html_pages import Page, assert_self_contained
from report_models import HOSTILE, HOSTILE_CARD, Trained

from tagship.formatting import plain
from tagship.reports.html import report_html, write_report
from tagship.reports.report_view import sorted_results
from tagship.verdict import GateResult


def report(trained: Trained) -> str:
    return report_html(
        trained.files, trained.bundle, trained.verdict, trained.plots, trained.importances
    )


def test_report_is_self_contained_and_under_a_megabyte(trained: Trained) -> None:
    text = report(trained)
    assert_self_contained(text)
    assert len(text.encode()) < 1_000_000


def test_report_is_the_same_text_again(trained: Trained) -> None:
    assert report(trained) == report(trained)


def test_report_shows_every_gate_worst_first(trained: Trained) -> None:
    page = Page(report(trained))
    assert len(trained.verdict.results) >= 7
    for result in trained.verdict.results:
        assert " ".join(result.subject.split()) in page.text
        assert result.limit in page.text
        assert " ".join(result.detail.split()) in page.text
    order = {"fail": 0, "warn": 1, "pass": 2}
    shown = [order[result.status] for result in sorted_results(trained.verdict)]
    assert shown == sorted(shown)


def test_a_gate_that_could_not_be_computed_says_so(trained: Trained) -> None:
    broken = GateResult(
        gate="slices", subject="nowhere", value=None, limit="> 1", status="fail", detail="no rows"
    )
    verdict = trained.verdict.model_copy(update={"results": [broken]})
    page = Page(report(replace(trained, verdict=verdict)))
    assert "nowhere not computed > 1 no rows" in page.text


def test_report_shows_metrics_candidates_importance_card_and_lock(trained: Trained) -> None:
    page = Page(report(trained))
    for name, interval in trained.bundle.lock.metrics.items():
        if "[" not in name:
            assert f"{plain(interval.low)} to {plain(interval.high)}" in page.text
    for shown in (*trained.files.model.candidates, *trained.bundle.boundary.names, "data-team"):
        assert shown in page.text
    assert trained.bundle.lock.artifact.sha256 in page.text
    assert trained.bundle.lock.data.sha256 in page.text
    assert "Not stated (model.yaml: card.limits)" in page.text


def test_report_escapes_what_people_and_data_name(trained: Trained) -> None:
    text = report(trained)
    assert HOSTILE not in text
    assert HOSTILE_CARD not in text
    assert HOSTILE in Page(text).text
    assert HOSTILE_CARD in Page(text).text


def test_every_plot_is_embedded_with_a_text_for_those_who_cannot_see_it(trained: Trained) -> None:
    page = Page(report(trained))
    embedded = [base64.b64decode(link.partition(",")[2]) for link in page.links if "base64" in link]
    assert sorted(embedded) == sorted(trained.plots.values())
    assert len(set(page.alts)) == len(trained.plots)
    assert all("holdout rows" in alt for alt in page.alts)


def test_personal_data_is_named_and_never_shown(trained: Trained) -> None:
    text = report(trained)
    assert "personal, dropped" in Page(text).text
    assert "secret.example" not in text


def test_write_report_puts_it_under_reports(trained: Trained) -> None:
    path = write_report(trained.files, trained.bundle, trained.verdict, trained.plots)
    assert path == trained.files.root / "reports" / "shop.html"
    assert_self_contained(path.read_text(encoding="utf-8"))
    assert [p.name for p in path.parent.iterdir()] == ["shop.html"]
