"""Numbers read well and never lie about being zero."""

import pytest

from tagship.formatting import (
    brief,
    byte_size,
    coefficient,
    compact,
    duration,
    moment,
    percent,
    plain,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.123456, "0.123"), (12.44, "12.4"), (1234, "1230"), (80_812, "80.8k"),
     (-1.2e6, "\u22121.2M"), (0.00001, "1e\u22125"), (float("nan"), "\u2013"), (0.0412, "0.0412")],
)  # fmt: skip
def test_compact(value: float, text: str) -> None:
    assert compact(value) == text


@pytest.mark.parametrize("exponent", range(-9, 15))
@pytest.mark.parametrize("lead", [1, -1.2345, 9.9951, -9.9996])
def test_compact_is_short_and_close(exponent: int, lead: float) -> None:
    value = lead * 10.0**exponent
    text = compact(value).replace("\u2212", "-")
    units = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    back = float(text[:-1]) * units[text[-1]] if text[-1] in units else float(text)
    assert back == pytest.approx(value, rel=0.06)
    assert len(text) <= 8


def test_plain_and_brief() -> None:
    assert (plain(0.94), plain(56029.4), plain(1.79e-7), plain(3)) == (
        "0.9400", "56,029", "1.79e\u221207", "3",
    )  # fmt: skip
    assert (brief(4.4), brief(0.5), brief(56029.4), brief(100)) == ("4.4", "0.5", "56,029", "100")


def test_a_share_that_is_not_nothing_never_reads_as_nothing() -> None:
    shares = (0, 0.00001, 0.265, 0.99999, 1)
    assert [percent(s) for s in shares] == ["0 %", "< 0.1 %", "26.5 %", "> 99.9 %", "100 %"]


def test_a_coefficient_is_never_negative_zero() -> None:
    assert (coefficient(-0.001), coefficient(-0.93, signed=True)) == ("0.00", "\u22120.93")


def test_byte_size() -> None:
    assert (byte_size(3012), byte_size(1_240_000)) == ("3.0 kB", "1.24 MB")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (0.42, "0.42 s"), (59, "59 s"), (60, "1 min"), (5400, "1.5 h"),
        (86400, "24 h"), (172800, "2 days"), (3e7, "347 days"),
    ],
)  # fmt: skip
def test_a_time_span_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2026-11-21T10:30:00+01:00", "2026-11-21 09:30"),
        ("2026-11-21T09:30:59Z", "2026-11-21 09:30"),
        ("2026-11-21T09:30:00", "2026-11-21 09:30"),
        ("yesterday", "yesterday"),
    ],
)
def test_a_time_is_told_in_utc(time: str, text: str) -> None:
    assert moment(time) == text
