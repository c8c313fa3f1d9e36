import pytest

from pipeline.warehouse.build import DbtBuildError, build_arguments, run_build
from pipeline.warehouse.manifest import ensure_manifest, share_parsed


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


def test_a_new_installation_takes_over_what_was_parsed_for_the_manifest(settings):
    ensure_manifest()
    list(run_build(settings, ["thresholds"]))
    told = (settings.dbt_target / "logs" / "dbt.log").read_text()
    assert "partial parsing" not in told.lower()
    assert settings.warehouse.is_file()


def test_what_an_installation_parsed_itself_stays(tmp_path):
    ensure_manifest()
    own = tmp_path / "partial_parse.msgpack"
    own.write_bytes(b"own")
    share_parsed(tmp_path)
    assert own.read_bytes() == b"own"
    share_parsed(tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == [own.name]
