"""Delivery figures against values computed by hand."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from tagship.gitops.history import History
from tagship.gitops.history_parser import parse_tags
from tagship.gitops.refs import RawTag
from tagship.gitops.tags import compose
from tagship.site.delivery_figures import measure_delivery
from tagship.site.document import Delivery, Origin

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HASHES = ("Model-SHA256", "Lock-SHA256", "Config-SHA256", "Verdict-SHA256", "Manifests")


def tag(name: str, commit: str, date: datetime, **says: str) -> RawTag:
    trailers = {"Model": name.split("/")[0], **dict.fromkeys(HASHES, "0"), "Verdict": "pass"}
    trailers |= {key.replace("_", "-"): value for key, value in says.items()}
    subject, _, body = compose(name, "", trailers).partition("\n\n")
    return RawTag(name, True, f"object of {name}", name, commit, date, "Ada", subject, body, False)


def release(name: str, commit: str, date: datetime = START) -> RawTag:
    return tag(name, commit, date, Release=name)


def deployment(name: str, runs: str, date: datetime, action: str = "deploy", **says: str) -> RawTag:
    environment = name.split("/")[1]
    said = {"Release": runs, "Environment": environment, "Action": action, "Image": "i", **says}
    return tag(name, f"commit of {name}", date, **said)


def history(*tags: RawTag) -> History:
    return parse_tags(tags, ["churn", "fraud"], ["staging", "production"])


def measure(
    tags: list[RawTag], committed: Mapping[str, datetime], now: datetime, models: str = "churn"
) -> Delivery:
    return measure_delivery(
        history(*tags), models.split(), "production", committed, now, Origin(text="the tags")
    )


def three_releases() -> list[RawTag]:
    """v1 after two days, v2 after four, rolled back six hours later, lifted, v3 after ten."""
    return [
        release("churn/v1.0.0", "a"), release("churn/v2.0.0", "b"), release("churn/v3.0.0", "c"),
        deployment("churn/production/1", "churn/v1.0.0", START + 2 * DAY),
        deployment("churn/production/2", "churn/v2.0.0", START + 4 * DAY),
        deployment(
            "churn/production/3", "churn/v1.0.0", START + 4 * DAY + timedelta(hours=6), "rollback",
            Restores="churn/production/1", Rejects="churn/v2.0.0",
        ),
        deployment(
            "churn/production/4", "churn/v1.0.0", START + 5 * DAY, "lift", Lifts="churn/v2.0.0"
        ),
        deployment("churn/production/5", "churn/v3.0.0", START + 10 * DAY),
    ]  # fmt: skip


COMMITTED = {"a": START, "b": START + DAY, "c": START + 2 * DAY}


def test_the_four_figures_are_those_computed_by_hand() -> None:
    figures = measure(three_releases(), COMMITTED, START + 32 * DAY)
    assert (figures.deployments, figures.rollbacks) == (3, 1)
    assert figures.per_30_days == 3.0  # three in thirty days since the first
    assert figures.lead_time == 3 * 86400  # of 2, 3 and 8 days
    assert figures.lead_times == 3
    assert figures.change_failure_rate == 1 / 3
    assert (figures.time_to_restore, figures.restores) == (6 * 3600, 1)
    assert figures.first == (START + 2 * DAY).isoformat()
    assert figures.last == (START + 10 * DAY).isoformat()
    assert figures.unclear == []


def test_a_lift_hides_no_failure_of_what_runs_after_it() -> None:
    tags = three_releases()[:-1]
    tags.append(
        deployment(
            "churn/production/5", "churn/v2.0.0", START + 6 * DAY, "rollback",
            Restores="churn/production/2", Rejects="churn/v1.0.0",
        )
    )  # fmt: skip
    figures = measure(tags, COMMITTED, START + 32 * DAY)
    # The second left what the first rollback had brought, which was no deployment of its own.
    assert (figures.deployments, figures.rollbacks, figures.restores) == (2, 2, 2)
    assert figures.change_failure_rate == 1 / 2


def test_new_manifests_of_one_release_have_no_second_lead_time() -> None:
    tags = [*three_releases(),
            deployment("churn/production/6", "churn/v3.0.0", START + 20 * DAY)]  # fmt: skip
    figures = measure(tags, COMMITTED, START + 32 * DAY)
    assert (figures.deployments, figures.lead_times) == (4, 3)


def test_a_clock_that_went_backwards_is_named_and_not_counted() -> None:
    tags = three_releases()
    tags[5] = deployment(
        "churn/production/3", "churn/v1.0.0", START + 3 * DAY, "rollback",
        Restores="churn/production/1", Rejects="churn/v2.0.0",
    )  # fmt: skip
    later = COMMITTED | {"c": START + 11 * DAY}
    figures = measure(tags, later, START + 32 * DAY)
    assert (figures.time_to_restore, figures.restores, figures.lead_times) == (None, 0, 2)
    assert figures.change_failure_rate == 1 / 3  # it was rolled back, whenever that was
    assert figures.unclear == [
        "churn/production/3 is dated before churn/production/2, which it left:"
        " a clock went backwards",
        "churn/production/5 is dated before the commit of churn/v3.0.0: a clock went backwards",
    ]


def test_a_release_whose_tag_or_commit_is_gone_has_no_lead_time() -> None:
    tags = [each for each in three_releases() if each.name != "churn/v1.0.0"]
    figures = measure(tags, {"b": START}, START + 32 * DAY)
    assert figures.lead_times == 1
    assert figures.unclear == [
        "churn/production/1: churn/v1.0.0 has no valid tag",
        "churn/production/5: churn/v3.0.0 is on a commit that is not here",
    ]


def test_below_a_day_and_before_the_first_there_is_no_frequency() -> None:
    tags = three_releases()[:4]
    assert measure(tags, COMMITTED, START + 2.5 * DAY).per_30_days is None
    early = measure(tags, COMMITTED, START)
    assert early.per_30_days is None
    assert early.unclear == ["the first deployment is dated later than now: a clock is wrong"]


def test_nothing_deployed_is_no_figure_and_no_zero() -> None:
    figures = measure([], {}, START)
    assert (figures.deployments, figures.rollbacks) == (0, 0)
    assert {figures.first, figures.per_30_days, figures.lead_time, figures.change_failure_rate,
            figures.time_to_restore} == {None}  # fmt: skip


def test_the_fleet_s_figures_are_of_all_models_together() -> None:
    tags = [*three_releases(), release("fraud/v1.0.0", "d"),
            deployment("fraud/production/1", "fraud/v1.0.0", START + 3 * DAY)]  # fmt: skip
    figures = measure(tags, COMMITTED | {"d": START + 2 * DAY}, START + 32 * DAY, "churn fraud")
    assert (figures.deployments, figures.change_failure_rate) == (4, 1 / 4)
    assert figures.lead_time == 2.5 * 86400  # of 1, 2, 3 and 8 days
