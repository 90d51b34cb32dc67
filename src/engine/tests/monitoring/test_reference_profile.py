"""The reference: made at training, named by the lock, and refused when it is another one."""

import json
from pathlib import Path

import numpy as np
import pytest

from projects import Project
from tagship.contract.boundary import Boundary
from tagship.errors import TagshipError
from tagship.files import sha256_of_file
from tagship.training.lock import LockedReference, lock_text, read_lock, write_lock
from tagship.training.profiles import (
    DISTINCT,
    CategoryProfile,
    NumberProfile,
    TextProfile,
    round_scores,
)
from tagship.training.reference import (
    committed_reference,
    parse_reference,
    reference_text,
    same_reference,
)


def path_of(project: Project) -> Path:
    return project.root / "config/tiny/reference.json"


def test_a_run_writes_it_beside_the_lock_and_into_the_bento(run_project: Project) -> None:
    text = path_of(run_project).read_text()
    locked = read_lock(run_project.lock).reference
    assert locked is not None
    assert sha256_of_file(path_of(run_project)) == locked.sha256
    [shipped] = (run_project.root / ".tagship/bentoml").rglob("artifact/reference.json")
    assert shipped.read_text() == text
    assert reference_text(parse_reference(text, "it")) == text


def test_it_describes_the_training_rows_and_the_scores_of_the_holdout(run_project: Project) -> None:
    found = parse_reference(path_of(run_project).read_text(), "it")
    age, visits, plan = (found.columns[name] for name in ("age", "visits", "plan"))
    assert isinstance(age, NumberProfile)
    assert isinstance(visits, NumberProfile)
    assert isinstance(plan, CategoryProfile)
    assert [profile.rows for profile in (age, visits, plan, found.target)] == [240] * 4
    assert found.prediction.rows == 60
    assert 0 < age.missing < 30
    assert (age.min, age.max) == (18, 100)
    assert age.upto[-1] == 240 - age.missing
    assert visits.points == sorted(set(visits.points))
    assert plan.values == ["free", "plus", "pro"]
    assert sum(plan.counts) == 240
    assert isinstance(found.target, CategoryProfile)
    assert found.target.values == ["no", "yes"]
    boundary = found.boundary()
    shipped = run_project.root / ".tagship/models/tiny/boundary.json"
    trained = Boundary.from_json(shipped.read_text())
    assert [field.name for field in boundary.fields] == [field.name for field in trained.fields]
    assert boundary.classes == trained.classes
    assert (boundary.task, boundary.threshold) == (trained.task, trained.threshold)


def test_many_different_values_become_few_points_that_keep_both_ends(project: Project) -> None:
    random = np.random.default_rng(1)
    values = random.normal(50, 8, 2000).clip(18, 99)
    project.rewrite_table(lambda frame: frame.loc[frame.index.repeat(7)[:2000]])
    project.rewrite_table(
        lambda frame: frame.assign(age=values, visitor=[f"v{i}" for i in range(2000)])
    )
    project.relock()
    age = parse_reference(path_of(project).read_text(), "it").columns["age"]
    assert isinstance(age, NumberProfile)
    assert len(age.points) <= DISTINCT / 2
    assert age.under[0] == 0
    assert age.upto[-1] == 1600
    assert set(age.points) <= set(values)


def test_text_leaves_nothing_but_its_missing_share(project: Project) -> None:
    project.edit("data", "  age:", "  note: {dtype: string, missing: 0.5}\n  age:")
    project.edit("model", "select:", "features: features.notes:derive\nselect:")
    project.write(
        "src/features/notes.py",
        "import numpy as np\n\n\ndef derive(columns):\n"
        '    return {"long": np.array([len(t or "") > 9 for t in columns["note"]])}\n',
    )
    notes = [f"call Ann on {n}" if n % 4 else None for n in range(300)]
    project.rewrite_table(lambda frame: frame.assign(note=notes))
    project.relock()
    text = path_of(project).read_text()
    assert "Ann" not in text
    note = parse_reference(text, "it").columns["note"]
    assert isinstance(note, TextProfile)
    assert 40 < note.missing < 80


def test_no_row_and_no_personal_data_is_in_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAGSHIP_PII_KEY", "key")
    project.edit("data", "  age:", "  mail: {dtype: string, pii: hash}\n  age:")
    project.rewrite_table(lambda frame: frame.assign(mail="ann@example.org"))
    project.relock()
    content = json.loads(path_of(project).read_text())
    assert list(content["columns"]) == ["age", "visits", "plan"]
    assert "v00001" not in path_of(project).read_text()


@pytest.mark.slow
def test_a_missing_reference_is_refused_and_the_next_run_puts_it_back(run_project: Project) -> None:
    text = path_of(run_project).read_text()
    path_of(run_project).unlink()
    for command in (("lock", "verify"), ("build",)):
        refused = run_project.tagship(*command, "tiny")
        refused.must_refuse(("reference.json: no such file", "tagship run tiny"))
    ran = run_project.tagship("run", "tiny")
    assert ran.code == 0, ran.err
    assert "untouched" in ran.out
    assert path_of(run_project).read_text() == text


def test_an_edited_reference_is_refused(run_project: Project) -> None:
    run_project.edit("config/tiny/reference.json", '"rows":240', '"rows":241')
    for command in (("lock", "verify"), ("build",)):
        refused = run_project.tagship(*command, "tiny")
        refused.must_refuse(("is not the", "of the lock", "git", "tagship run tiny")[:2])
    with pytest.raises(TagshipError, match="changed without the other"):
        committed_reference(run_project.files)


def test_a_reference_edited_together_with_its_lock_is_another_model(run_project: Project) -> None:
    run_project.edit("config/tiny/reference.json", '"rows":240', '"rows":241')
    lock = read_lock(run_project.lock)
    forged = LockedReference(sha256=sha256_of_file(path_of(run_project)))
    write_lock(run_project.lock, lock.model_copy(update={"reference": forged}))
    ran = run_project.tagship("lock", "verify", "tiny")
    assert (ran.code, "different" in ran.out) == (1, True), ran
    renewed = run_project.relock()
    assert "renewed" in renewed.out, renewed
    assert read_lock(run_project.lock) == lock


def test_a_cut_between_reference_and_lock_is_seen(run_project: Project) -> None:
    """The lock is written last: what is found after a cut is an old lock and a new reference."""
    before = run_project.lock.read_bytes()
    run_project.edit("data", "test: 0.2", "test: 0.25")
    run_project.relock()
    run_project.edit("data", "test: 0.25", "test: 0.2")
    run_project.lock.write_bytes(before)
    run_project.tagship("lock", "verify", "tiny").must_refuse("changed without the other")


def test_a_lock_from_before_references_is_read_kept_as_it_is_and_stale(
    run_project: Project,
) -> None:
    text = run_project.lock.read_text()
    start = text.index("reference:")
    old = text[:start] + text[text.index("task:", start) :]
    run_project.lock.write_text(old)
    assert lock_text(read_lock(run_project.lock)) == old
    refused = run_project.tagship("lock", "verify", "tiny")
    refused.must_refuse(("is stale", "names no reference.json", "tagship run tiny"))
    renewed = run_project.relock()
    assert "renewed" in renewed.out, renewed
    assert run_project.lock.read_text() == text


def test_scores_may_differ_in_their_last_digit_and_columns_in_nothing(run_project: Project) -> None:
    text = path_of(run_project).read_text()
    found = parse_reference(text, "it")
    assert isinstance(found.prediction, NumberProfile)

    def moved(by: float) -> str:
        points = [point + by for point in found.prediction.points]
        prediction = found.prediction.model_copy(update={"points": points})
        return reference_text(found.model_copy(update={"prediction": prediction}))

    assert same_reference(text, moved(1e-4))
    assert not same_reference(text, moved(1e-2))
    age = found.columns["age"].model_copy(update={"missing": 0})
    columns = {**found.columns, "age": age}
    assert not same_reference(text, reference_text(found.model_copy(update={"columns": columns})))


def test_scores_are_rounded_as_decimals_are_written() -> None:
    random = np.random.default_rng(3)
    scores = random.choice([-1, 1], 999) * 10 ** random.uniform(-9, 9, 999)
    scores = np.array([0.0, 1.0, 0.12344999, 206855.8, *scores], dtype=np.float32)
    assert round_scores(scores).tolist() == [float(f"{score:.4g}") for score in scores.tolist()]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"version": 1', '"version": 2', "version: "),
        ('"dtype":"category"', '"dtype":"colour"', "target"),
        ("{", "", "Invalid JSON"),
        ('"rows":', '"row":', "target"),
    ],
    ids=["version", "dtype", "json", "key"],
)
def test_what_is_no_reference_is_refused_by_its_place(
    run_project: Project, old: str, new: str, says: str
) -> None:
    text = path_of(run_project).read_text().replace(old, new, 1)
    with pytest.raises(TagshipError, match="not a reference") as refusal:
        parse_reference(text, "some/reference.json")
    assert "some/reference.json" in str(refusal.value)
    assert says in str(refusal.value)
