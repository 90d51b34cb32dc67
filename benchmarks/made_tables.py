"""Customers of a shop, with what goes wrong in their tables: columns, and how they are stored."""

from collections.abc import Callable

import numpy as np
import pandas as pd

Frame = pd.DataFrame
Column = Callable[[Frame], object]
Change = Callable[[Frame], Frame]


def _customers(rows: int, seed: int) -> Frame:
    """Customers of a shop: what they spend, whether they leave, and their tier."""
    random = np.random.default_rng(seed)
    region = random.choice(["north", "south", "east", "west"], rows, p=[0.4, 0.3, 0.2, 0.1])
    plan = random.choice(["basic", "plus", "family"], rows)
    income = random.lognormal(10.4, 0.4, rows).round(2)
    age, visits = random.integers(18, 90, rows), random.poisson(4, rows)
    discount = (random.beta(2, 8, rows)).round(3)
    joined = pd.Timestamp("2019-03-01") + pd.to_timedelta(random.integers(0, 1800, rows), "D")
    spend = 0.004 * income * (1 + (plan == "family")) + 9 * visits * (1 - discount)
    spend += 40 * np.sin(age / 12) + 25 * (region == "north") + random.normal(0, 25, rows)
    leaves = random.random(rows) < 1 / (1 + np.exp((spend - np.quantile(spend, 0.3)) / 40))
    return Frame(
        {"region": region, "plan": plan, "income": income, "age": age, "visits": visits}
        | {"discount": discount, "joined": joined, "spend": spend.round(2)}
        | {"left": np.where(leaves, "yes", "no"), "tier": _tiers(spend)}
    )


def _tiers(spend: np.ndarray) -> np.ndarray:
    return np.array(["bronze", "silver", "gold"])[
        np.digitize(spend, np.quantile(spend, [0.5, 0.85]))
    ]


def customers(target: str, seed: int, rows: int = 1500, **more: Column) -> Callable[[], Frame]:
    """Customers with one of their targets, and columns that are computed."""
    others = {"spend", "left", "tier"} - {target}

    def make() -> Frame:
        frame = _customers(rows, seed)
        frame = frame.assign(**{name: column(frame) for name, column in more.items()})
        undated = ["joined"] if "when" not in more else []
        return frame.drop(columns=[*(others - more.keys()), *undated])

    return make


def with_columns(**columns: Column) -> Change:
    """A change that computes columns anew."""
    return lambda frame: frame.assign(**{name: made(frame) for name, made in columns.items()})


def seeded(rows: int, seed: int = 5) -> np.random.Generator:
    """The same numbers for as many rows."""
    return np.random.default_rng([rows, seed])


def misspelt(frame: Frame) -> list[str]:
    """Regions in other cases, and with blanks around."""
    ways = (str, str.upper, str.title, lambda text: f" {text}", lambda text: f"{text} ")
    picked = seeded(len(frame)).choice(5, len(frame), p=[0.6, 0.1, 0.1, 0.1, 0.1])
    return [ways[way](text) for way, text in zip(picked, frame["region"], strict=True)]


def town(frame: Frame) -> np.ndarray:
    """Towns with a long tail: some are met only later."""
    numbers = seeded(len(frame)).zipf(1.6, len(frame)).clip(max=60)
    return np.array([f"town {number}" for number in range(61)])[numbers]


def garage(frame: Frame) -> np.ndarray:
    """Kinds that are called as a missing value is."""
    return np.where(frame["income"] < 28_000, "None", np.where(frame["age"] > 50, "NA", "Attached"))


def review(frame: Frame) -> list[str]:
    """Free text, two words of which tell who leaves, nine times of ten."""
    random = seeded(len(frame))
    bad, good = (("slow", "broken", "refund"), ("great", "helpful", "quick"))
    words = ("the", "order", "came", "and", "I", "was", "told", "box", "phone", "again", "week")
    return [
        " ".join(
            random.permutation([*random.choice(words, 9), *random.choice(bad if left else good, 2)])
        )
        for left in (frame["left"] == "yes") ^ (random.random(len(frame)) < 0.1)
    ]


def income_with_gaps(frame: Frame) -> pd.Series:
    """The income, missing in 15 % of the rows."""
    return frame["income"].mask(seeded(len(frame)).random(len(frame)) < 0.15)


def few_of_a_tier(frame: Frame) -> np.ndarray:
    """Tiers, two of them of a few customers."""
    tier = frame["tier"].to_numpy(dtype=object).copy()
    tier[seeded(len(frame)).permutation(len(frame))[:11]] = ["platinum"] * 7 + ["lost"] * 4
    return tier


def alarm(frame: Frame) -> np.ndarray:
    """1 in 0.6 % of the rows."""
    score = frame["spend"] + seeded(len(frame)).normal(0, 20, len(frame))
    return np.where(score > score.quantile(0.994), 1, 0)


def titled(text: str) -> str:
    """A csv file's text with a title and a comment above its header, and units below."""
    header, rest = text.split("\n", 1)
    units = ",".join(["-"] * header.count(",") + ["EUR"])
    return f"Customers of the shop\n# exported on 3 May\n\n{header}\n{units}\n{rest}"
