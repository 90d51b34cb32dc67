"""The feature functions keep the protocol that training and serving rely on."""

import ast
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from features import churn, housing
from tagship.config.project_files import find_root, load_model
from tagship.data.generators import generate

Columns = dict[str, NDArray[Any]]
Derive = Callable[[Mapping[str, NDArray[Any]]], dict[str, NDArray[Any]]]

ROOT = find_root(Path(__file__).parent)
FUNCTIONS: dict[str, Derive] = {"churn": churn.derive, "housing": housing.derive}
EVERY = pytest.mark.parametrize("name", FUNCTIONS)


def request(name: str, rows: int = 2_000) -> Columns:
    """Request columns as the protocol hands them over."""
    frame = generate(name, rows, 5)
    return {
        column: (
            frame[column].to_numpy(np.float64)
            if kind.numeric
            else frame[column].astype(object).to_numpy()
        )
        for column, kind in load_model(ROOT, name).data.request.items()
    }


@EVERY
def test_model_yaml_names_the_function(name: str) -> None:
    assert load_model(ROOT, name).model.features == f"features.{name}:derive"


@EVERY
def test_features_are_numbers_one_for_each_row(name: str) -> None:
    for values in FUNCTIONS[name](request(name)).values():
        assert values.shape == (2_000,)
        assert values.dtype in (np.float64, np.bool_)


@EVERY
def test_features_have_names_that_the_contract_does_not(name: str) -> None:
    data = load_model(ROOT, name).data
    derived = FUNCTIONS[name](request(name))
    assert len(derived) >= 3
    assert not derived.keys() & {*data.columns, data.target.column, data.id}


@EVERY
def test_features_are_missing_only_where_an_input_is(name: str) -> None:
    columns = request(name)
    incomplete = np.any([pd.isna(values) for values in columns.values()], axis=0)
    assert incomplete.any()
    for values in FUNCTIONS[name](columns).values():
        assert not np.isnan(values[~incomplete].astype(np.float64)).any()


@EVERY
def test_features_stay_finite_at_the_ends_of_every_range(name: str) -> None:
    contract = load_model(ROOT, name).data.request
    for end in ("min", "max"):
        edge = {
            column: np.array([float(getattr(kind, end) or 0.0)])
            for column, kind in contract.items()
            if kind.numeric
        }
        for feature, values in FUNCTIONS[name](edge).items():
            assert np.isfinite(values.astype(np.float64)).all(), (feature, end)


@EVERY
def test_features_of_a_row_do_not_depend_on_the_other_rows(name: str) -> None:
    columns = request(name)
    together = FUNCTIONS[name](columns)
    alone = FUNCTIONS[name]({column: values[7:8] for column, values in columns.items()})
    for feature, values in alone.items():
        np.testing.assert_allclose(values.astype(float), together[feature][7:8].astype(float))


@EVERY
def test_the_inputs_are_left_as_they_were(name: str) -> None:
    columns = request(name)
    FUNCTIONS[name](columns)
    for column, values in request(name).items():
        assert pd.Series(values).equals(pd.Series(columns[column])), column


@pytest.mark.parametrize("path", sorted((ROOT / "src" / "features").glob("*.py")), ids=str)
def test_feature_modules_import_nothing_that_the_serving_image_lacks(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    }
    assert imported <= {"collections", "typing", "numpy", "features"}


def test_churn_counts_services_and_spreads_charges_over_them() -> None:
    columns = {name: values[:2] for name, values in request("churn").items()}
    for name in ("multiple_lines", "online_backup", "device_protection", "streaming_tv"):
        columns[name] = np.array([0.0, 1.0])
    for name in ("phone_service", "online_security", "tech_support", "streaming_movies"):
        columns[name] = np.array([0.0, 0.0])
    columns |= {
        "tenure_months": np.array([0.0, 12.0]),
        "monthly_charges": np.array([20.0, 50.0]),
        "total_charges": np.array([np.nan, 600.0]),
    }
    derived = churn.derive(columns)
    np.testing.assert_array_equal(derived["service_count"], [0, 4])
    np.testing.assert_array_equal(derived["charge_per_service"], [20, 10])
    np.testing.assert_array_equal(derived["paid_per_month"], [np.nan, 50])
    np.testing.assert_array_equal(derived["is_new_customer"], [True, False])


def test_san_francisco_is_559_km_from_los_angeles() -> None:
    columns = {name: values[:1] for name, values in request("housing").items()}
    columns |= {"latitude": np.array([37.77]), "longitude": np.array([-122.42])}
    derived = housing.derive(columns)
    assert derived["km_to_san_francisco"][0] == pytest.approx(0, abs=0.1)
    assert derived["km_to_los_angeles"][0] == pytest.approx(559, rel=0.02)
