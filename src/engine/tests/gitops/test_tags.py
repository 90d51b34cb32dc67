"""The tag grammar: what it spells it reads, and no text can smuggle in a trailer."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagship.errors import TagshipError
from tagship.gitops.tags import (
    KEYS,
    DeploymentTag,
    ReleaseTag,
    Version,
    compose,
    one_line,
    parse_message,
    parse_tag,
    parse_version,
    release_tag,
)

integers = st.integers(0, 999_999_999)
versions = st.builds(Version, integers, integers, integers)
models = st.from_regex(r"[a-z][a-z0-9]{0,10}(-[a-z0-9]{1,8}){0,2}", fullmatch=True).filter(
    lambda name: isinstance(parse_tag(f"{name}/v1.0.0"), ReleaseTag)
)
environments = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
texts = st.text(max_size=200)


def split_as_git(message: str) -> tuple[str, str]:
    """Git's subject and body of a message."""
    subject, _, body = message.partition("\n\n")
    return subject.replace("\n", " "), body.lstrip("\n")


@given(models, versions)
def test_a_release_reads_as_it_is_spelt(model: str, version: Version) -> None:
    tag = ReleaseTag(model, version)
    assert parse_tag(str(tag)) == tag
    assert release_tag(model, str(version)) == release_tag(model, str(tag)) == tag


@given(models, environments, st.integers(1, 999_999_999))
def test_a_deployment_reads_as_it_is_spelt(model: str, environment: str, number: int) -> None:
    tag = DeploymentTag(model, environment, number)
    assert parse_tag(str(tag)) == tag


@given(st.text(alphabet=string.ascii_lowercase + string.digits + "/v.-_ \n$;`", max_size=30))
def test_whatever_is_read_is_spelt_the_same_again(name: str) -> None:
    tag = parse_tag(name)
    assert tag is None or str(tag) == name


@given(st.lists(versions, min_size=2))
def test_versions_order_by_number_not_by_letter(versions_seen: list[Version]) -> None:
    assert max(versions_seen) == max(versions_seen, key=lambda v: (v.major, v.minor, v.patch))
    assert parse_version("v1.10.0") > parse_version("v1.9.9")


@pytest.mark.parametrize(
    "name",
    [
        "churn/1.0.0", "churn/V1.0.0", "churn/v1.0", "churn/v01.0.0", "churn/v1.0.0-rc.1",
        "churn/v1.0.0+b", "churn/production/0", "churn/production/007", "churn/production/-1",
        "churn/production/1/2", "churn/Production/1", "churn//1", "Churn/v1.0.0", "churn/v1.0.0\n",
        "churn/production/1\n", "template/v1.0.0", "churn", "", "../v1.0.0", "churn;rm/v1.0.0",
        "$(id)/v1.0.0", "chürn/v1.0.0", "churn/v\uff11.0.0", "churn/production/\u0661",
    ],
)  # fmt: skip
def test_nothing_else_is_a_tag(name: str) -> None:
    assert parse_tag(name) is None


@pytest.mark.parametrize("version", ["", "v", "1.2", "v1.2.3-rc.1", "v1.2.3\n", "latest", "$(id)"])
def test_a_wrong_version_is_refused_with_an_example(version: str) -> None:
    with pytest.raises(TagshipError, match=r"v1\.3\.0"):
        parse_version(version)


@given(texts, texts, st.dictionaries(st.sampled_from(KEYS), texts))
def test_no_text_can_add_or_change_a_trailer(
    subject: str, body: str, trailers: dict[str, str]
) -> None:
    asked = {**trailers, "Model": "churn"}
    message = parse_message(*split_as_git(compose(f"s {subject}", body, asked)))
    wanted = {key: one_line(value) for key, value in asked.items() if one_line(value)}
    assert dict(message.trailers) == wanted


@given(texts)
def test_one_line_is_one_line_without_control_characters(text: str) -> None:
    line = one_line(text)
    assert line.splitlines() in ([], [line])
    assert "\x1b" not in line
    assert "\u202e" not in line
    assert one_line(line) == line


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("Model: churn\nnot a trailer\n", "does not end in trailers"),
        ("Model: churn\nModel: fraud\n", "two trailers"),
        ("Model: churn\nMoodel: fraud\n", "unknown trailer"),
        ("", "does not end in trailers"),
    ],
)
def test_a_message_made_by_hand_is_refused(body: str, problem: str) -> None:
    with pytest.raises(TagshipError, match=problem):
        parse_message("subject", body)


def test_composing_refuses_an_unknown_trailer() -> None:
    with pytest.raises(TagshipError, match="unknown trailer"):
        compose("s", "", {"Modell": "churn"})
