"""A release's model card in Hugging Face's layout: a head of YAML, then Markdown.

All of it is read at the release's commit and from its tag; nothing is trained or judged again. What
is recorded nowhere is "not recorded". No row of the table is in it: the example is made from the
contract alone.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tagship.config.base_model import Frozen
from tagship.config.contract import DataConfig
from tagship.config.model import ModelConfig
from tagship.config.yaml_file import dump_yaml, parse, parse_yaml
from tagship.contract.example import example_record
from tagship.formatting import brief, byte_size, plain
from tagship.gitops.deployment_rules import check_release
from tagship.gitops.history import Release
from tagship.gitops.snapshot import Snapshot
from tagship.gitops.tags import one_line
from tagship.sources.tables import public_source
from tagship.training.lock import Interval, Lock, parse_lock
from tagship.verdict import SYMBOLS, Verdict, parse_verdict

MISSING = "not recorded"
_LICENCES = {"Apache-2.0": "apache-2.0", "MIT": "mit"}
"""Hugging Face's names of what scaffolding offers; https://huggingface.co/docs/hub/model-cards."""
_ACTIVE = re.compile(r"([\\`*_{}\[\]<>#|~&])")
"""What Markdown or HTML would read as more than text."""
Config = TypeVar("Config", bound=Frozen)
Row = Sequence[str]


@dataclass(frozen=True)
class ModelCard:
    """The card of one release."""

    release: str
    title: str
    head: str
    """YAML, without the lines that enclose it."""
    body: str
    """Markdown."""
    lock: str
    """The lock's text, as the release's commit holds it."""

    @property
    def text(self) -> str:
        """Head and body, as Hugging Face reads them."""
        return f"---\n{self.head}---\n\n{self.body}"


def make_card(snapshot: Snapshot, release: Release) -> ModelCard:
    """The card of a release that is true.

    Raises:
        TagshipError: the tag says what its commit does not hold, carries no verdict or that of
            another artifact, or a file of the commit cannot be read.
    """
    check_release(snapshot, release)
    verdict = parse_verdict(release.verdict)
    folder = f"config/{release.tag.model}"
    text = snapshot.git.show(release.commit, f"{folder}/model.lock.yaml") or ""
    lock = parse_lock(text, f"{folder}/model.lock.yaml")
    data = _config(snapshot, release, "data", DataConfig)
    model = _config(snapshot, release, "model", ModelConfig)
    title = f"{release.tag.model} {release.tag.version}"
    sections = {
        "Purpose": _card_lines(model),
        "Data": _table(("", ""), _data_rows(data, lock)),
        "Training": _training(model, lock),
        "Metrics": _table(
            ("on the holdout", "value", "95 % interval"),
            [
                (_code(name), plain(metric.value), f"{plain(metric.low)} to {plain(metric.high)}")
                for name, metric in lock.metrics.items()
            ],
        ),
        "Verdict": _verdict_lines(verdict),
        "How to call it": _call(data),
        "Provenance": _table(("", ""), _provenance(snapshot, release, lock)),
    }
    summary = f"{_escape(lock.task)}, released {release.date:%Y-%m-%d}; verdict {verdict.status}."
    lines = [f"# {title}", "", summary]
    for name, content in sections.items():
        lines += ["", f"## {name}", "", *content]
    head = dump_yaml(_head(snapshot, release, lock))
    return ModelCard(release.name, title, head, "\n".join(lines) + "\n", text)


def _config(snapshot: Snapshot, release: Release, kind: str, config: type[Config]) -> Config:
    path = f"config/{release.tag.model}/{kind}.yaml"
    return parse(parse_yaml(snapshot.git.text(release.commit, path), Path(path)), config)


def _head(snapshot: Snapshot, release: Release, lock: Lock) -> dict[str, object]:
    task = "tabular-regression" if lock.task == "regression" else "tabular-classification"
    library = lock.winner.estimator.partition(".")[0].replace("sklearn", "scikit-learn")
    results = {
        "task": {"type": task},
        "dataset": {
            "name": f"{release.tag.model}, {lock.data.holdout_rows} rows held out",
            "type": release.tag.model,
            "revision": lock.data.sha256,
        },
        "metrics": [
            {"type": name, "name": name, "value": _with_interval(metric)}
            for name, metric in lock.metrics.items()
        ],
    }
    return {
        **_licence(snapshot.git.show(release.commit, "pyproject.toml")),
        "library_name": "onnx",
        "pipeline_tag": task,
        "tags": ["tabular", lock.task, library, "tagship"],
        "model-index": [{"name": release.tag.model, "results": [results]}],
    }


def _licence(pyproject: str | None) -> dict[str, str]:
    """What the project at the release's commit says of its licence."""
    try:
        name = tomllib.loads(pyproject or "").get("project", {}).get("license")
    except tomllib.TOMLDecodeError:
        name = None
    if not isinstance(name, str):
        return {"license": "unknown"}
    if name in _LICENCES:
        return {"license": _LICENCES[name]}
    return {"license": "other", "license_name": name}


def _with_interval(metric: Interval) -> str:
    return f"{plain(metric.value)} ({plain(metric.low)} to {plain(metric.high)})"


def _card_lines(model: ModelConfig) -> list[str]:
    card = {"Purpose": model.card.purpose, "Limits": model.card.limits, "Owner": model.card.owner}
    return [f"- **{name}.** {_escape(text)}" for name, text in card.items()]


def _data_rows(data: DataConfig, lock: Lock) -> Iterable[Row]:
    yield "source", _code(public_source(data.source))
    yield "target", _code(data.target.column)
    yield "columns of a request", str(len(data.request))
    yield "rows", f"{lock.data.rows:,}, of which {lock.data.holdout_rows:,} held out"
    yield "SHA-256", _code(lock.data.sha256)


def _training(model: ModelConfig, lock: Lock) -> list[str]:
    winner, select = lock.winner, model.select
    params = json.dumps(winner.params, ensure_ascii=False)
    versions = ", ".join(f"{name} {version}" for name, version in lock.inputs.libraries.items())
    rows = [
        ("winner", _code(winner.candidate)),
        ("estimator", _code(winner.estimator)),
        ("parameters", _code(params)),
        ("features", _code(model.features) if model.features else "the columns as they are"),
        ("libraries", _code(versions)),
    ]
    if lock.task == "binary":
        threshold = model.declared_threshold if lock.threshold is None else lock.threshold
        rows.insert(3, ("positive from a score of", brief(threshold)))
    scores = [
        (_code(name), f"{plain(score.mean)} ± {plain(score.std)}")
        for name, score in lock.candidates.items()
    ]
    head = ("candidate", f"{_code(select.metric)} over {select.folds} folds")
    return [*_table(("", ""), rows), "", *_table(head, scores)]


def _verdict_lines(verdict: Verdict) -> list[str]:
    pass_count = len(verdict.of_status("pass"))
    champion = (
        f"Compared with {_code(verdict.champion)}." if verdict.champion else "No champion yet."
    )
    rows = [
        (
            f"{SYMBOLS[gate.status]} {gate.status}",
            _escape(gate.gate),
            _code(gate.subject),
            "not computed" if gate.value is None else brief(gate.value),
            _escape(gate.limit),
        )
        for gate in verdict.results
    ]
    summary = f"**{verdict.status}**: {pass_count} of {len(rows)} gates passed. {champion}"
    return [summary, "", *_table(("", "gate", "what", "value", "limit"), rows)]


def _call(data: DataConfig) -> list[str]:
    body = json.dumps(example_record(data.request), indent=1, ensure_ascii=True)
    url = "localhost:3000/predict"
    return [
        "A record that the contract allows; it is nobody's.",
        "",
        "```sh",
        f"curl -s {url} -H 'content-type: application/json' -d @- <<'JSON'",
        *body.replace("```", "\\u0060" * 3).splitlines(),
        "JSON",
        "```",
    ]


def _provenance(snapshot: Snapshot, release: Release, lock: Lock) -> Iterable[Row]:
    ran = [snapshot.ran(release.name, place) for place in snapshot.environments]
    image = next((deployment.says("Image") for deployment in ran if deployment), "") or MISSING
    yield "release", _code(release.name)
    yield "released by", _escape(release.says("Actor"))
    yield "commit", _code(release.commit)
    yield "artifact", f"{_code(lock.artifact.sha256)}, ONNX of {byte_size(lock.artifact.bytes)}"
    yield "image", _code(image) if image != MISSING else MISSING
    for name in ("Lock-SHA256", "Config-SHA256", "Verdict-SHA256"):
        yield name, _code(release.says(name))


def _table(head: Row, rows: Iterable[Row]) -> list[str]:
    lines = (head, ["---"] * len(head), *rows)
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def _escape(text: str) -> str:
    """A person's text on one line, as text whatever it holds; it calls nobody's name."""
    plain_text = one_line(text).strip()
    if not plain_text:
        return MISSING
    return re.sub(r"(?<!\w)@", "@ ", _ACTIVE.sub(r"\\\1", plain_text))


def _code(text: str) -> str:
    """A name as code, also in a cell of a table."""
    return "`" + one_line(text).replace("`", "'").replace("|", "\\|") + "`"
