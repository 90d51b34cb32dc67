"""Words that mean missing in one table and are a kind of thing in another."""

import numpy as np
import pandas as pd
import pytest
from test_inferring import guess, with_target

N = 90


def words(*values: str) -> list[str]:
    return [values[at % len(values)] for at in range(N)]


@pytest.mark.parametrize(
    ("columns", "kept", "missing"),
    [
        ({"garage": words("Attached", "None", "Detached")}, "'None'", []),
        ({"country": words("DE", "NA", "FR", "BW")}, "'NA'", []),
        ({"pool": words("big", "NA", "small")}, "", ["pool"]),
        ({"garage": words("Attached", "None"), "age": words("3", "None", "7")}, "",
         ["garage", "age"]),
        ({"garage": words("Attached", "None", ""), "age": words("3", "", "7")}, "'None'",
         ["garage", "age"]),
    ],
)  # fmt: skip
def test_a_word_is_missing_or_a_value_by_what_stands_beside_it(
    columns: dict[str, list[str]], kept: str, missing: list[str]
) -> None:
    draft = guess(with_target(x=np.sin(np.arange(N))).assign(**columns), "y")
    said = " ".join(draft.checks)
    assert (f"{kept} is a value" in said) if kept else ("is a value" not in said)
    for name in columns:
        assert bool(draft.columns[name].missing) == (name in missing), name
        word = kept.strip("'")
        listed = word in (draft.columns[name].values or [])
        assert listed == bool(word and word in columns[name])
    assert not kept or (draft.nulls and kept.strip("'") not in draft.nulls)


def test_how_many_rows_it_is_about_is_said() -> None:
    frame = with_target(x=np.sin(np.arange(N))).assign(garage=words("Attached", "None", "Detached"))
    assert "'None' is a value, and is not missing, in garage (30 rows)" in guess(frame, "y").checks


def test_the_label_none_still_is_a_label() -> None:
    frame = pd.DataFrame({"x": np.sin(np.arange(N)).astype(str), "y": words("None", "some", "all")})
    assert "None" not in guess(frame, "y").nulls
