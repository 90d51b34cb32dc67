"""The report is one complete file that shows all there is and trusts nothing it shows."""

import base64
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from html_pages import Page, assert_self_contained
from report_models import HOSTILE, HOSTILE_CARD, HOSTILE_LABEL, Trained

from tagship.behaviour.difference import Flip
from tagship.behaviour.words import code, markdown, summary
from tagship.formatting import plain
from tagship.reports.html import report_html, write_html
from tagship.reports.report_view import sorted_results
from tagship.verdict import GateResult


def report(trained: Trained) -> str:
    return report_html(
        trained.files, trained.bundle, trained.verdict, trained.plots, trained.importances,
        trained.behaviour, trained.moved, trained.worst,
    )  # fmt: skip


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
    shown = [order[result.status] for result in sorted_results(trained.verdict.results)]
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


def test_a_page_is_written_under_reports(tmp_path: Path) -> None:
    path = write_html(tmp_path, "shop", "<p>1</p>")
    assert path == tmp_path / "reports" / "shop.html"
    assert path.read_text(encoding="utf-8") == "<p>1</p>"
    assert [p.name for p in path.parent.iterdir()] == ["shop.html"]


def test_report_says_who_is_treated_differently_and_shows_the_rows(trained: Trained) -> None:
    page = Page(report(trained))
    assert trained.behaviour is not None
    difference = trained.behaviour.difference
    assert difference is not None
    assert "Who is treated differently now?" in page.text
    assert " ".join(summary(trained.behaviour).split()) in page.text
    for group in difference.slices:
        assert f"region = {group.value} {group.rows:,} {group.flipped:,}" in page.text
    assert (difference.new_features, difference.lost_features) == (["age"], ["gone"])
    assert "The 12 rows whose score moved most" in page.text
    assert f"{HOSTILE} = " in page.text


def test_flips_of_each_task_are_counted_by_direction(trained: Trained) -> None:
    assert trained.behaviour is not None
    difference = trained.behaviour.difference
    assert difference is not None
    overall, scores = difference.overall, trained.bundle.evidence.scores
    before, after = np.roll(scores, 1, axis=0), scores
    match trained.files.model.task:
        case "binary":
            up = int(((before < 0.5) & (after >= 0.5)).sum())
            assert Flip(before="no", after="yes", rows=up) in overall.flips
        case "multiclass":
            assert overall.flipped == (before.argmax(axis=1) != after.argmax(axis=1)).sum()
            assert {flip.before for flip in overall.flips} <= {"low", "mid", "high"}
        case _:
            assert difference.tolerance == 0.1 * trained.bundle.evidence.train_target.std()
            up = int((after - before > difference.tolerance).sum())
            assert Flip(before=None, after="higher", rows=up) in overall.flips
    assert overall.flipped == sum(flip.rows for flip in overall.flips)
    assert overall.flipped == sum(group.flipped for group in difference.slices)


def test_names_in_the_comment_are_code_in_which_markup_means_nothing(trained: Trained) -> None:
    comment = markdown(trained.behaviour)
    assert f"`region = {HOSTILE_LABEL}`" in comment
    assert not set(re.sub("`[^`\n]*`", "", comment)) & set("<>$@")
    assert code("a`b|<c>\n@d") == "`a'b\\|<c> @d`"
