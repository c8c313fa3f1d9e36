import pytest

from pipeline.warehouse.build import DbtBuildError, build_arguments, run_build


def test_unit_tests_stay_out_and_tests_of_other_tables_too():
    arguments = build_arguments(["fct_indicator", "dim_goal"])
    assert arguments[arguments.index("--exclude-resource-type") + 1] == "unit_test"
    assert arguments[arguments.index("--indirect-selection") + 1] == "buildable"
    assert arguments[arguments.index("--select") + 1 :] == ["fct_indicator", "dim_goal"]


def test_an_empty_selection_is_refused_because_dbt_would_build_everything():
    with pytest.raises(ValueError, match="nothing selected"):
        build_arguments([])


def test_a_model_that_fails_is_named_without_values_from_the_data(settings):
    # an empty installation: the source that the model reads is not there
    with pytest.raises(DbtBuildError, match="stg_deliveries__offers") as caught:
        list(run_build(settings, ["stg_deliveries__offers"]))
    assert str(settings.dbt_target) in str(caught.value)
