"""Where figures place what they show."""

import pytest
from sample_site import at, categories, churn, deployment, numbers

from tagship.site import figures
from tagship.site.document import Step
from tagship.training.profiles import NumberProfile
from tagship.verdict import GateResult


def step(name: str, *inputs: str) -> Step:
    return Step(
        name=name, inputs=list(inputs), state="done", at=None, seconds=None, detail="", origin=None
    )


def test_a_histogram_holds_every_row_once() -> None:
    profile = NumberProfile(
        dtype="int", rows=11, missing=1, points=[0, 1, 24], under=[0, 4, 9], upto=[4, 9, 10]
    )
    chart = figures.distribution_chart(profile)
    assert chart
    assert (chart.low, chart.high) == ("0", "24")
    assert [(left, height) for left, _, height in chart.bars] == [
        (0, 80), (4.17, 100), (95.83, 20),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("points", "bars"), [([], None), ([5.0], 1)], ids=["all missing", "constant"]
)
def test_a_column_without_a_range_is_drawn_as_it_can_be(
    points: list[float], bars: int | None
) -> None:
    count = 3 * len(points)
    profile = NumberProfile(
        dtype="float", rows=3, missing=3 - count, points=points, under=[0] * len(points),
        upto=[count] * len(points),
    )  # fmt: skip
    chart = figures.distribution_chart(profile)
    assert (len(chart.bars) if chart else None) == bars


def test_the_tallest_bar_of_a_histogram_fills_its_height() -> None:
    chart = figures.distribution_chart(numbers())
    assert chart
    assert max(height for *_, height in chart.bars) == 100


def test_the_most_frequent_value_comes_first() -> None:
    profile = categories("a", "b").model_copy(update={"counts": [1, 5]})
    assert figures.shares(profile) == [(5, "b"), (1, "a")]


@pytest.mark.parametrize(
    ("value", "limit", "marks"),
    [
        (0.7, "≥ 0.6 (warn < 0.7)", [(60.0, "fail"), (70.0, "warn")]),
        (1.0, "≤ 2", [(80.0, "fail")]),
        (-1.0, "≥ -3", [(0.0, "fail")]),
        (1e-6, "≤ 1e-05", [(80.0, "fail")]),
        (None, "≤ 2", None),
        (0.7, "the same rows", None),
    ],
)
def test_a_gate_s_bounds_are_placed_where_its_limit_says(
    value: float | None, limit: str, marks: list[tuple[float, str]] | None
) -> None:
    gate = GateResult(gate="g", subject="s", value=value, limit=limit, status="fail")
    bar = figures.gate_bar(gate)
    assert (list(bar.marks) if bar else None) == marks


def test_a_metric_without_a_value_has_no_scale() -> None:
    bars = [figures.kpi_bar(kpi) for kpi in churn().kpis]
    assert [bar is None for bar in bars] == [False, False, True]
    assert bars[0]
    assert bars[0].marks == ((60.0, "fail"), (70.0, "warn"))
    assert (bars[0].low, bars[0].value, bars[0].high) == (67.9, 71.3, 74.5)


def test_a_step_stands_right_of_all_that_it_waits_for() -> None:
    boxes = figures.step_boxes(
        [step("a"), step("b", "a"), step("c", "a"), step("d", "b", "e"), step("e", "c")]
    )
    assert [(box.step.name, box.column, box.row) for box in boxes] == [
        ("a", 0, 0.5), ("b", 1, 0), ("c", 1, 1), ("e", 2, 0.5), ("d", 3, 0.5),
    ]  # fmt: skip


def test_steps_that_wait_for_each_other_are_drawn_all_the_same() -> None:
    boxes = figures.step_boxes([step("a", "b"), step("b", "a"), step("c", "unknown")])
    assert {box.step.name for box in boxes} == {"a", "b", "c"}


def test_lanes_leave_out_what_ended_before_it_began() -> None:
    rows = [
        deployment("m", "production", 3, 8, None, "v1.2.0"),
        deployment("m", "production", 2, 9, 8, "v1.1.0"),
        deployment("m", "production", 1, 0, 9, "v1.0.0"),
        deployment("m", "staging", 1, 5, None, "v1.0.0", valid=False),
    ]
    (lane,) = figures.lanes(rows, at(10))
    assert lane.first == at(0)
    assert [(start, width, row.number) for start, width, row in lane.spans] == [
        (0, 90, 1), (80, 20, 3),
    ]  # fmt: skip
    assert figures.lanes([], at(10)) == []


def test_observations_are_drawn_with_the_bounds_that_they_are_judged_by() -> None:
    model = churn()
    drawn = {
        str(series["label"]): series
        for _, series in figures.observation_plots(model.observations, model.kpis, "production")
    }
    assert {label: series["limits"] for label, series in drawn.items()} == {
        "Drift": [1.0], "f1": [0.6, 0.7], "roc_auc": [0.8],
    }  # fmt: skip
    known = [row.drift for row in model.observations if row.drift is not None]
    assert drawn["Drift"]["values"] == known
    assert list(figures.observation_plots(model.observations, model.kpis, "staging")) == []
