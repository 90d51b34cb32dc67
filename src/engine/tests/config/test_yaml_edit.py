"""One value of a YAML text is replaced; every other byte stays."""

import pytest

from tagship.config.yaml_edit import replace_values

TEXT = """\
# é: what is read
source: {kind: csv,   path: data/old.csv, sha256: 'abc'}   # keep
columns:
  plan:    {dtype: category, values: [a, b]}
"""


def test_only_the_named_values_change() -> None:
    edited = replace_values(
        TEXT, {("source", "sha256"): "def", ("source", "path"): 's3://b/"x".csv'}
    )
    assert edited == TEXT.replace("data/old.csv", '"s3://b/\\"x\\".csv"').replace("'abc'", '"def"')


@pytest.mark.parametrize("location", [("source", "url"), ("source",), ("source", "path", "x")])
def test_a_place_without_a_value_is_refused(location: tuple[str, ...]) -> None:
    with pytest.raises(KeyError):
        replace_values(TEXT, {location: "x"})
