"""Evidently's answers, through the front door that its users take."""

import warnings
from typing import Any

import numpy as np
import pandas as pd

from tagship.contract.boundary import Field
from tagship.training.profiles import CategoryProfile, NumberProfile, describe


def evidently_values(
    reference: dict[str, Any], current: dict[str, Any], methods: dict[str, str]
) -> dict[str, float]:
    """The drift score of each column by the method named for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        then, now = pd.DataFrame(reference), pd.DataFrame(current)
        numbers = [name for name in then if pd.api.types.is_numeric_dtype(then[name].dtype)]
        texts = [name for name in then if name not in numbers]
        shape = DataDefinition(numerical_columns=numbers, categorical_columns=texts)
        report = Report([DataDriftPreset(per_column_method=methods)], include_tests=False)
        found = report.run(
            Dataset.from_pandas(now, data_definition=shape),
            Dataset.from_pandas(then, data_definition=shape),
        )
    return {
        metric["config"]["column"]: float(metric["value"])
        for metric in found.dict()["metrics"]
        if "column" in metric["config"]
    }


def number_profile(values: Any) -> NumberProfile:
    """What training keeps of a column of numbers."""
    found = describe(Field("x", "float"), np.asarray(values, dtype=np.float64))
    assert isinstance(found, NumberProfile)
    return found


def category_profile(values: Any, known: tuple[str, ...]) -> CategoryProfile:
    """What training keeps of a column of categories."""
    codes = np.array([known.index(value) for value in values])
    found = describe(Field("x", "category", values=known), codes)
    assert isinstance(found, CategoryProfile)
    return found
