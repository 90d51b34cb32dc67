"""The example model ``churn``."""

import numpy as np
import pytest
from example_models import (
    check_artifacts,
    check_bar,
    check_features,
    check_made_up_table,
    config,
    made_up,
    request,
)
from features import churn

from tagship.data.failures import ContractError
from tagship.data.validation import check_contract


def test_its_table_keeps_its_contract() -> None:
    check_made_up_table("churn", rows=7_043)


def test_its_contract_refuses_a_value_that_is_never_made_up() -> None:
    files = config("churn")
    broken = made_up("churn", 7_043, 42).assign(tenure_months=73)
    with pytest.raises(ContractError, match="tenure_months"):
        check_contract(broken, files.data, files.model.task)


def test_the_bar_of_the_course_is_a_gate() -> None:
    check_bar("churn", "accuracy", 0.70)


@pytest.mark.slow
def test_its_artifact_equals_scikit_learn_for_every_candidate() -> None:
    check_artifacts("churn")


def test_its_features_keep_the_protocol() -> None:
    check_features("churn", churn.derive)


def test_it_counts_services_and_spreads_charges_over_them() -> None:
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
