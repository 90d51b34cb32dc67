"""The service over real HTTP: right answers, and a clear no to everything else."""

import json

import httpx
import numpy as np
import pytest

from tagship.bento.store import latest_bento
from tagship.contract.json_records import InvalidRecords, RecordReader
from tagship.training.bundle import load_bundle

RECORD = {"age": 40.5, "visits": 12, "plan": "pro"}


def post(served, body, **options):
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return httpx.post(f"{served[0]}/predict", content=content, timeout=30, **options)


def fields(answer):
    assert answer.status_code == 422, answer.text
    return {item["field"]: item["problem"] for item in answer.json()["fields"]}


def test_one_record_gets_one_answer_with_release_and_request_id(served):
    answer = post(served, RECORD).json()
    assert answer["prediction"] in ("yes", "no")
    assert 0 <= answer["probability"] <= 1
    assert answer["release"] == "unreleased"
    assert len(answer["request_id"]) == 48


def test_many_records_get_answers_in_order(served):
    other = {**RECORD, "visits": 1, "plan": "free"}
    answers = post(served, [RECORD, other, RECORD]).json()["predictions"]
    assert answers[0] == answers[2] != answers[1]
    assert answers[0]["probability"] == pytest.approx(post(served, RECORD).json()["probability"])


def test_answers_equal_scikit_learns_over_the_whole_holdout(served):
    _, project = served
    evidence = load_bundle(project.files).evidence
    plans = ["free", "plus", "pro"]
    records = [
        {
            "age": None if np.isnan(age) else age,
            "visits": int(visits),
            "plan": plans[code],
        }
        for age, visits, code in zip(
            evidence.columns["age"], evidence.columns["visits"], evidence.columns["plan"],
            strict=True,
        )
    ]  # fmt: skip
    answers = post(served, records).json()["predictions"]
    found = np.array([answer["probability"] for answer in answers])
    np.testing.assert_allclose(found, evidence.pipeline_scores, atol=1e-5)
    expected = np.where(evidence.pipeline_scores >= 0.5, "yes", "no")
    assert [answer["prediction"] for answer in answers] == expected.tolist()


def test_every_broken_field_of_one_request_is_named(served):
    broken = {"age": "old", "visits": 2.5, "plan": None, "color": "red"}
    assert fields(post(served, broken)) == {
        "age": "must be a number; is 'old'",
        "visits": "must be a whole number, is 2.5",
        "plan": "must not be null",
        "color": "is not in the contract",
    }


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({"age": 17.9}, "age", "must be between 18 and 100, is 17.9"),
        ({"age": 1e300}, "age", "must be between 18 and 100, is 1e+300"),
        ({"age": True}, "age", "must be a number; is true"),
        ({"visits": None}, "visits", "must not be null"),
        ({"visits": [1]}, "visits", "must be a number; is an array"),
        ({"plan": {"a": 1}}, "plan", "must be a text or a number; is an object"),
    ],
)
def test_a_value_against_the_contract_is_refused_by_name(served, change, field, problem):
    assert fields(post(served, {**RECORD, **change})) == {field: problem}


def test_a_missing_column_is_refused_where_its_value_may_not_be_missing(served):
    without = {name: {k: v for k, v in RECORD.items() if k != name} for name in RECORD}
    assert fields(post(served, without["visits"])) == {"visits": "is missing"}
    null = post(served, {**RECORD, "age": None})
    assert post(served, without["age"]).json()["probability"] == null.json()["probability"]


def test_a_row_of_the_table_is_taken_as_it_is(served):
    """With its id, its target, and the words that its file has for what is missing."""
    row = {"visitor": "v7", **RECORD, "age": "N/A", "bought": "yes"}
    null = post(served, {**RECORD, "age": None})
    assert post(served, row).json()["probability"] == null.json()["probability"]


def test_a_category_that_is_not_known_is_answered_and_counted(served):
    def counted():
        lines = httpx.get(f"{served[0]}/metrics").text.splitlines()
        line = next(line for line in lines if 'field="plan",kind="unseen"' in line)
        return float(line.rpartition(" ")[2])

    before = counted()
    answers = post(served, [{**RECORD, "plan": plan} for plan in ("gold", 1, "gold")])
    first, second, third = answers.json()["predictions"]
    assert first == second == third
    assert counted() == before + 3


def test_the_row_of_a_broken_record_is_named(served):
    answer = post(served, [RECORD, {**RECORD, "visits": -1}])
    assert answer.json()["fields"][0]["row"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"age": NaN, "visits": 1, "plan": "pro"}', 400),
        (b"[" * 100_000, 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (json.dumps([RECORD] * 10_001).encode(), 413),
        (b" " * (10 * 1024 * 1024 + 1), 413),
    ],
    ids=["empty", "cut", "not-utf8", "nan", "nested", "no-rows", "null", "text", "rows", "size"],
)
def test_nonsense_gets_a_clear_4xx_and_the_next_good_request_is_answered(served, body, status):
    answer = post(served, body)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert post(served, RECORD).status_code == 200


def test_every_route_is_documented_from_the_contract(served):
    document = httpx.get(f"{served[0]}/docs.json", timeout=30).json()
    assert {"/predict", "/feedback", "/info", "/readyz"} <= set(document["paths"])
    route = document["paths"]["/predict"]["post"]
    assert {"200", "400", "413", "415", "422", "503"} <= set(route["responses"])
    assert route["requestBody"]["required"] is True
    example = route["requestBody"]["content"]["application/json"]["examples"]["one"]["value"]
    assert post(served, example).status_code == 200
    label = document["paths"]["/feedback"]["post"]["requestBody"]["content"]["application/json"]
    assert label["schema"]["oneOf"][0]["properties"]["actual"]["enum"] == ["no", "yes"]
    assert label["schema"]["oneOf"][1]["minItems"] == 1
    accepted = route["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    assert [kind["type"] for kind in accepted] == ["object", "array"]
    fields = accepted[0]["properties"]
    assert fields["visits"]["maximum"] == 50
    assert fields["plan"]["description"] == "known are: free, plus, pro"
    assert accepted[0]["required"] == ["visits", "plan"]
    assert accepted[1]["items"]["additionalProperties"] is False
    assert accepted[1]["minItems"] == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/predict", "/feedback"])
def test_another_method_is_told_which_one_is_taken(served, method, path):
    answer = httpx.request(method, f"{served[0]}{path}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert httpx.post(f"{served[0]}/info").status_code == 405


def test_info_tells_what_runs(served):
    _, project = served
    info = httpx.get(f"{served[0]}/info", timeout=30).json()
    assert info["model_sha256"] == load_bundle(project.files).lock.artifact.sha256
    assert info["model"] == "tiny"
    assert {"release", "data_sha256", "config_sha256", "lock_sha256", "verdict_sha256"} <= set(info)


def test_metrics_count_answers_and_refusals(served):
    post(served, RECORD)
    post(served, {})
    text = httpx.get(f"{served[0]}/metrics", timeout=30).text
    assert 'endpoint="/predict",http_response_code="200"' in text
    assert 'endpoint="/predict",http_response_code="422"' in text


def test_paths_that_lead_nowhere_leave_no_series_behind(served):
    for number in range(20):
        for path in (f"/random{number}", f"/static_content/random{number}"):
            assert httpx.get(f"{served[0]}{path}").status_code == 404
    text = httpx.get(f"{served[0]}/metrics").text
    assert "/random" not in text
    for path in ("/", "/docs.json", "/static_content/swagger-ui.css", "/livez", "/info"):
        assert httpx.get(f"{served[0]}{path}", timeout=30).status_code == 200, path


def test_the_serving_process_imports_nothing_heavy(served):
    _, project = served
    source = latest_bento(project.root, "tiny").path / "src"
    probe = (
        "import sys, bentoml; sys.path.insert(0, '.'); import service\n"
        "service.service.inner()\n"
        "heavy = {'pandas', 'sklearn', 'mlflow', 'scipy', 'pyarrow', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip().endswith("[]"), done.stdout + done.stderr


def test_the_decoder_reads_what_it_accepts_and_nothing_else(served):
    _, project = served
    decoder = RecordReader(load_bundle(project.files).boundary)
    columns = decoder.read([RECORD, {**RECORD, "age": None}]).columns
    assert columns["plan"].tolist() == [2, 2]
    assert np.isnan(columns["age"][1])
    with pytest.raises(InvalidRecords) as refused:
        decoder.read([[], RECORD])
    assert refused.value.problems[0].problem == "must be an object; is an array"
