"""Free text as features: trained, locked, served and judged by its words."""

import httpx
import numpy as np
import pandas as pd
import pytest

from projects import Project, make_table
from services import serve
from tagship.contract.boundary import Boundary
from tagship.data.splitting import split_table
from tagship.data.table import load_table, make_boundary
from tagship.data.terms import with_terms
from tagship.errors import TagshipError
from tagship.gates.evaluate import evaluate_gates
from tagship.reports.importance import importance
from tagship.training.bundle import load_bundle
from tagship.training.train import train

GOOD = [
    "würde gerne wieder kaufen 😍",
    "GREAT shoes, would buy again",
    "İstanbul'da çok iyi",
    "很好很好",
]
BAD = ["Größe passt nicht 😡", "broke after a week", "ISTANBUL'da hiç iyi değil", "不好用"]
ODD = [
    "",
    "xyzzy unseenword",
    "\u0000\u200d🏳️‍🌈",
    "gro\u0308ße",
    "great shoes " * 8000,
    "İ",
    "ﬁne",
]
CANDIDATES = {
    "line": "{estimator: sklearn.linear_model.LINE, scale: true}",
    "forest": "{estimator: sklearn.ensemble.RandomForestKIND, params: {n_estimators: 10}}",
    "boosting": "{estimator: sklearn.ensemble.HistGradientBoostingKIND, impute: none}",
}


def reviews(rows: int, seed: int = 11) -> pd.DataFrame:
    """Visitors who say what they think, in several languages, among words that say nothing."""
    random = np.random.default_rng(seed)
    frame = make_table(rows, seed)
    liked = (frame["bought"] == "yes").to_numpy()
    fillers = ["the order came on", "gestern geliefert,", "ürün geldi", "usual delivery of"]
    said = [
        f"{random.choice(fillers)} {random.choice(GOOD if like else BAD)} n{random.integers(rows)}"
        for like in liked ^ (random.random(rows) < 0.1)
    ]
    return frame.assign(review=said, score=liked * 2.0 + random.random(rows))


def with_reviews(project: Project, target: str, candidate: str, others: bool = True) -> None:
    """Let the project's model read reviews and, if asked, all its other columns."""
    kept = ["visitor", "review", target, *(["age", "visits", "plan"] if others else [])]
    project.rewrite_table(lambda _: reviews(400)[kept])
    columns = project.path("data").read_text().partition("columns:\n")[2] if others else ""
    regression = target == "score"
    nulls = "" if others else ", nulls: [NA]"
    head = f"source: {{kind: csv, path: data/tiny.csv{nulls}}}\n"
    head += (
        f"target: {{column: {target}}}\n"
        if regression
        else ('target: {column: bought, positive: "yes"}\n')
    )
    head += f"split: {{test: 0.3, stratify: {str(not regression).lower()}}}\nid: visitor\n"
    columns = "  review: {dtype: string, terms: 60}\n" + columns
    project.write("data", f"{head}rows: {{min: 50, duplicates: 0.5}}\ncolumns:\n{columns}")
    kind, line = ("Regressor", "Ridge") if regression else ("Classifier", "LogisticRegression")
    metric, task = ("r2", "regression") if regression else ("roc_auc", "binary")
    estimator = CANDIDATES[candidate].replace("KIND", kind).replace("LINE", line)
    project.write(
        "model",
        f"task: {task}\nselect: {{metric: {metric}, folds: 3}}\n"
        f"candidates:\n  {candidate}: {estimator}\n",
    )
    project.write(
        "thresholds",
        f"metrics: {{{metric}: {{fail_below: 0.3}}}}\n"
        f"baseline: {{metric: {metric}, margin: 0.05}}\n"
        "leakage: {fail_above: 0.999}\nrobustness: {noise: 0.05, missing: 0.05, max_drop: 0.2}\n"
        "size: {artifact_mb: {fail_above: 5}}\nparity: {max_difference: 1.0e-5}\n",
    )


@pytest.mark.parametrize("target", ["bought", "score"])
@pytest.mark.parametrize("candidate", ["line", "forest", "boosting"])
def test_each_kind_of_model_learns_words_and_keeps_every_gate(
    project: Project, target: str, candidate: str
) -> None:
    with_reviews(project, target, candidate)
    bundle = train(project.files)
    verdict = evaluate_gates(project.files, bundle)
    assert verdict.status == "pass", verdict.of_status("fail")
    assert bundle.boundary.names[:3] == (
        "age",
        "visits",
        f"review: {bundle.boundary.texts[0].terms[0]}",
    )
    assert len(bundle.boundary.names) == bundle.evidence.matrix.shape[1] == 2 + 60 + 1
    by_input = dict(importance(bundle))
    assert by_input.keys() == {"age", "visits", "review", "plan"}
    assert max(by_input, key=by_input.__getitem__) == "review"
    assert train(project.files).artifact == bundle.artifact


@pytest.mark.parametrize("target", ["bought", "score"])
def test_a_table_of_text_alone_is_served_with_scikit_learn_s_own_scores(
    project: Project, target: str
) -> None:
    """In a process with the image's locale, over HTTP: the whole holdout, and odd texts."""
    with_reviews(project, target, "line", others=False)
    assert (ran := project.tagship("run", "tiny")).code == 0, ran.err
    bundle, files = load_bundle(project.files), project.files
    table = load_table(files)
    held = table.frame.iloc[split_table(table.frame, files.data, files.model).test]
    texts = [*held["review"], *ODD]
    expected = [*bundle.evidence.pipeline_scores]
    answers = []
    locale = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with serve(project, **locale) as address:
        answer = httpx.post(f"{address}/predict", json=[{"review": text} for text in texts])
        assert answer.status_code == 200, answer.text
        answers = answer.json()["predictions"]
        for text in (texts[0], *ODD):
            alone = httpx.post(f"{address}/predict", json={"review": text}).json()
            key = "prediction" if target == "score" else "probability"
            assert alone[key] == pytest.approx(answers[texts.index(text)][key], abs=1e-6)
        assert httpx.post(f"{address}/predict", json={"review": 5}).status_code == 422
        assert httpx.post(f"{address}/predict", json={"review": None}).status_code == 422
    scores = [row["prediction" if target == "score" else "probability"] for row in answers]
    np.testing.assert_allclose(scores[: len(held)], expected, atol=1e-6)
    blank = scores[len(held)]
    assert scores[len(held) + 1] == pytest.approx(blank, abs=1e-7)  # no word of it is known
    assert scores[len(held) + 4] > blank + 0.05  # great shoes

    held.assign(review=held["review"])[["review"]].to_csv(project.root / "in.csv", index=False)
    ran = project.tagship("predict", "tiny", "--input", "in.csv", "--output", "out.csv")
    assert ran.code == 0, ran.err
    batch = pd.read_csv(project.root / "out.csv")
    column = "prediction" if target == "score" else "probability"
    np.testing.assert_allclose(batch[column], expected, atol=1e-6)


def test_terms_come_from_training_rows_alone(project: Project) -> None:
    """A word that only the holdout says is no term, however often it says it."""
    with_reviews(project, "bought", "line", others=False)
    frame = load_table(project.files).frame
    held = split_table(frame, project.files.data, project.files.model).test

    def tell(table: pd.DataFrame) -> None:
        table.loc[held, "review"] += " holdoutword"

    project.rewrite_table(tell)
    bundle = train(project.files)
    terms = bundle.boundary.texts[0].terms
    assert "holdoutword" not in terms
    assert "shoes" in terms
    assert Boundary.from_json(bundle.boundary.to_json()) == bundle.boundary


def test_a_text_whose_words_give_the_target_away_is_named(project: Project) -> None:
    with_reviews(project, "bought", "line")
    project.rewrite_table(
        lambda t: t.assign(review=t["review"] + t["bought"].map({"yes": " closed", "no": ""}))
    )
    bundle = train(project.files)
    verdict = evaluate_gates(project.files, bundle)
    assert any("review: closed" in result.subject for result in verdict.of_status("fail"))
    reason = 'allow: {"review: closed": "written before the order"}'
    project.edit("thresholds", "fail_above: 0.999", f"fail_above: 0.999, {reason}")
    assert evaluate_gates(project.files, bundle).status == "pass"
    project.edit("thresholds", "review: closed", "reviews: closed")
    with pytest.raises(TagshipError, match="reviews: closed"):
        _ = project.files


def test_what_cannot_be_counted_is_refused(project: Project) -> None:
    with_reviews(project, "bought", "line", others=False)
    frame = load_table(project.files).frame
    bare = make_boundary(project.files, frame)
    project.edit("data", "terms: 60", "terms: 2000")
    long = " ".join(f"word{number}" for number in range(1001))
    many = pd.DataFrame({"review": np.full(300_000, long, dtype=object)})
    many.iloc[0, 0] = "other"
    with pytest.raises(TagshipError, match=r"columns.review.terms: to count them in 300,000 rows"):
        with_terms(bare, project.files.data, many, np.arange(4))
    project.rewrite_table(lambda t: t.assign(review=[f"word{n}" for n in range(len(frame))]))
    project.refused(
        "train", "tiny", says=("columns.review.terms: no word stands in two", "feature: false")
    )
    project.edit("data", "dtype: string, terms", "dtype: int, terms")
    project.refused("train", "tiny", says="`terms` belongs to dtype string, not int")
    project.edit("data", "dtype: int, terms: 2000", "dtype: string, terms: 2001")
    project.refused("train", "tiny", says="2000")
    project.edit("data", "dtype: string, terms: 2001", "dtype: string")
    project.refused("train", "tiny", says="say how many `terms` of it are features")
