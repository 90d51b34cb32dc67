"""The files of a site: what they say is what the document says, whoever wrote the texts."""

import csv
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sample_site import (
    FORMULA,
    HOSTILE,
    HOSTILE_REASON,
    at,
    churn,
    deployment,
    empty_model,
    large_site,
)

import tagship
from html_tables import read_table
from tagship.formatting import moment, person
from tagship.site.document import Site
from tagship.site.figures import delivery_months
from tagship.site.governance import governance_csv, moments
from tagship.site.pages import write_site

NOT = "not recorded"


def page(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def version(release: str | None) -> str:
    return release.rpartition("/")[2] if release else ""


class References(HTMLParser):
    """The ids of a page, and all that it links to or loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.inline_scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[key] for key in ("href", "src") if key in values]
        self.handlers += [key for key in values if key.startswith("on")]
        data = values.get("type") == "application/json"
        self.inline_scripts += tag == "script" and "src" not in values and not data


def pages(folder: Path) -> dict[Path, References]:
    return {
        path: References(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")
    }  # fmt: skip


def test_the_fleet_page_says_what_the_document_says(site: Site, folder: Path) -> None:
    rows = read_table(page(folder, "index.html"), "fleet")
    expected = [
        {
            "Model": model.name,
            "Environment": place.environment,
            "Version": version(place.release) or "none yet",
            "Since": moment(place.since) if place.since else "",
            "By": (person(place.by) if place.by else NOT) if place.release else "",
            "Verdict": (place.verdict or NOT) if place.release else "",
            "Drift": (place.drift or NOT) if place.release else "",
            "Performance": (place.performance or NOT) if place.release else "",
            "Waits for review": version(place.waiting),
            "Rejected": ", ".join(map(version, place.rejected)),
        }
        for model in site.models
        for place in model.places
    ]
    nowhere = {"Model": "housing", "Version": "none yet"}
    assert [row for row in rows if row["Model"] != "housing"] == expected
    assert [row for row in rows if row["Model"] == "housing"] == [
        {header: nowhere.get(header, "") for header in expected[0]}
    ]


def test_the_registry_says_what_the_document_says(site: Site, folder: Path) -> None:
    for model in site.models:
        if not model.registry:
            continue
        rows = read_table(page(folder, f"models/{model.name}.html"), "registry")
        assert [
            (row["Version"], row["Stage"], row["Runs in"], row["Date"], row["Owner"],
             row["Released by"], row["Approved by"], row["Candidate"], row["Verdict"],
             row["Rejected by"])
            for row in rows
        ] == [
            (version(r.release), r.stage, ", ".join(r.runs_in), moment(r.date), r.owner or NOT,
             person(r.actor) if r.actor else NOT, ", ".join(r.approved_by),
             r.candidate or NOT, r.verdict_status, r.rejected_by or "")
            for r in model.registry
        ]  # fmt: skip


def test_every_deployment_is_on_its_model_s_page_and_on_governance(
    site: Site, folder: Path
) -> None:
    everywhere = read_table(page(folder, "governance.html"), "deployments")
    for model in site.models:
        if not model.deployments:
            continue
        rows = read_table(page(folder, f"models/{model.name}.html"), "deployments")
        assert [row["Deployment"] for row in rows] == [d.deployment for d in model.deployments]
        assert all(row in everywhere for row in rows)
        for row, d in zip(rows, model.deployments, strict=True):
            assert row["Version"] == (version(d.release) if d.valid else "invalid")
            assert row["From"] == (moment(d.date) if d.date else NOT)
            assert row["Until"] == (moment(d.until) if d.until else "runs" if d.valid else "")
            assert (row["By"], row["Approved by"]) == (
                person(d.actor) if d.actor else NOT,
                d.approved_by or "",
            )
            assert row["Reason"] == " ".join(((d.reason if d.valid else d.problem) or "").split())


def test_governance_and_delivery_say_what_the_document_says(site: Site, folder: Path) -> None:
    rows = read_table(page(folder, "governance.html"), "governance")
    releases = [(m.name, r) for m in site.models for r in m.registry]
    releases.sort(key=lambda pair: pair[1].date, reverse=True)
    assert [(row["Model"], row["Version"], row["Approver"], row["Status"]) for row in rows] == [
        (name, version(r.release), ", ".join(r.approved_by), r.stage) for name, r in releases
    ]
    changes = read_table(page(folder, "governance.html"), "thresholds")
    assert [row["Effect"] for row in changes] == ["looser", "stricter", "changed"]
    assert "The bar of churn was lowered on 2026-06-05" in page(folder, "governance.html")
    delivery = read_table(page(folder, "delivery.html"), "delivery")
    assert [row["Model"] for row in delivery] == ["All models", "churn", "legacy"]
    assert delivery[1] == {
        "Model": "churn", "Deployments": "3", "Rollbacks": "1", "First": moment(at(3)),
        "Last": moment(at(90)), "Per 30 days": "1.04", "Lead time": "1.5 h",
        "Change failure rate": "33.3 %", "Time to restore": "45 min",
    }  # fmt: skip
    assert delivery[2]["Lead time"] == delivery[2]["Time to restore"] == NOT


def test_a_model_of_which_nothing_is_recorded_has_every_phase(folder: Path) -> None:
    text = page(folder, "models/housing.html")
    phases = ["problem", "data", "model", "orchestration", "validation", "deployment",
              "monitoring", "feedback", "governance", "registry", "quality", "card",
              "call"]  # fmt: skip
    assert set(phases) <= set(References(text).ids)
    assert text.lower().count(NOT) > 5
    assert "None" not in re.sub("<[^>]*>", "", text)


def test_every_link_has_a_target_and_every_id_is_used_once(folder: Path) -> None:
    read = pages(folder)
    assert len(read) == 9
    for path, references in read.items():
        assert len(references.ids) == len(set(references.ids)), path
        assert references.handlers == []
        assert references.inline_scripts == 0
        for link in references.links:
            address = urlsplit(link)
            assert address.scheme in ("", "https", "http"), link
            if not address.scheme:
                target = path.parent / unquote(address.path) if address.path else path
                assert target.is_file(), f"{path.name} links to {link}"
                if address.fragment:
                    assert address.fragment in read[target.resolve()].ids, link


def test_markup_of_texts_is_escaped_and_shown(folder: Path) -> None:
    for name in ("index.html", "governance.html", f"models/h{'a' * 38}z.html"):
        text = page(folder, name)
        assert HOSTILE not in text
        assert "onerror=alert(1)>" not in text
        assert "javascript:" not in text
    assert "&lt;img src=http://evil.example" in page(folder, "governance.html")


def test_the_csv_holds_every_release_and_deployment_and_no_formula(site: Site) -> None:
    rows = list(csv.DictReader(io.StringIO(governance_csv(site))))
    count = sum(len(model.registry) + len(model.deployments) for model in site.models)
    assert len(rows) == count
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@\t\r" and cell]
    by_name = {row["deployment"]: row for row in rows if row["kind"] == "deployment"}
    assert by_name["churn/production/2"]["actor"] == f"'{FORMULA}"
    assert by_name["churn/staging/6"]["valid"] == "false"
    assert by_name["churn/production/3"]["reason"] == HOSTILE_REASON


def test_a_date_is_answered_from_valid_deployments_alone(site: Site) -> None:
    series = moments(site)
    assert [row[0] for row in series["churn/staging"]] == [1, 2, 3, 4, 5]
    assert series["churn/staging"][-1][3] == 0, "no scheduled record saw it"
    assert len(series["churn/production"][0]) == 4, "its end is the next one's start"


def test_an_end_that_is_not_the_next_start_is_kept(site: Site) -> None:
    rows = [deployment("m", "staging", 2, 1, None, "v1.1.0"),
            deployment("m", "staging", 1, 5, 3, "v1.0.0")]  # fmt: skip
    model = empty_model("m", deployments=rows)
    series = moments(site.model_copy(update={"models": [model]}))
    assert series["m/staging"][0][4] == series["m/staging"][0][2] - 2 * 86400  # type: ignore[operator]


def test_months_without_a_deployment_are_shown_and_a_wrong_clock_makes_no_more(site: Site) -> None:
    assert [(m.month, m.deployments, m.rollbacks) for m in delivery_months(site)] == [
        ("2026-03", 2, 0), ("2026-04", 1, 0), ("2026-05", 1, 1), ("2026-06", 0, 0),
    ]  # fmt: skip
    rows = [deployment("m", "production", n, days, None, "v1.0.0")
            for n, days in ((1, -20000), (2, 30000))]  # fmt: skip
    wrong = site.model_copy(update={"models": [empty_model("m", deployments=rows)]})
    assert len(delivery_months(wrong)) == 24
    assert delivery_months(site.model_copy(update={"models": []})) == []


def test_reports_of_the_models_are_copied_and_linked(site: Site, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    for name in ("churn", "churn-data", "stranger", "comparison"):
        (reports / f"{name}.html").write_text(f"<title>{name}</title>", encoding="utf-8")
    written = write_site(site, tmp_path / "site", reports)
    copied = sorted(path.name for path in written if path.parent.name == "reports")
    assert copied == ["churn-data.html", "churn.html"]
    links = References(page(tmp_path / "site", "models/churn.html")).links
    assert {"../reports/churn.html", "../reports/churn-data.html"} <= set(links)


def test_no_page_of_a_large_fleet_has_more_than_500_kb(tmp_path: Path) -> None:
    site = large_site(models=50, deployments=100)
    write_site(site, tmp_path)
    sizes = {path.name: path.stat().st_size for path in tmp_path.rglob("*.html")}
    assert len(sizes) == 2 + 50 + 42
    assert max(sizes.values()) < 500_000, max(sizes, key=lambda name: sizes[name])
    listed = [
        row["Deployment"]
        for path in tmp_path.glob("governance*.html")
        for row in read_table(path.read_text(encoding="utf-8"), "deployments")
    ]
    assert len(listed) == len(set(listed)) == 5000


def test_the_same_document_gives_the_same_files(site: Site, folder: Path, tmp_path: Path) -> None:
    again = Site.model_validate_json(site.model_dump_json())
    for path in write_site(again, tmp_path, folder / "reports"):
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes()


def test_the_example_request_is_the_document_s(folder: Path) -> None:
    text = page(folder, "models/churn.html")
    shown = re.search(r'<pre tabindex="0" id="curl">(.*?)</pre>', text, re.DOTALL)
    assert shown
    body = shown[1].replace("&#34;", '"').replace("&#39;", "'").partition("-d '")[2][:-1]
    assert json.loads(body) == churn().example


def test_uplot_is_as_it_was_published() -> None:
    static = Path(tagship.__file__).parent / "site/static"
    listed = dict(re.findall(r"`(uPlot[\w.]+)` \| `([0-9a-f]{64})`", page(static, "README.md")))
    assert set(listed) == {"uPlot.iife.min.js", "uPlot.min.css"}
    for name, expected in listed.items():
        assert hashlib.sha256((static / name).read_bytes()).hexdigest() == expected
