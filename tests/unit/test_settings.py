from datetime import date, datetime

import pytest

from pipeline import periods
from pipeline.settings import PROJECT_ROOT, Settings, SettingsError, load_settings


def test_home_is_the_projects_data_folder_unless_told_otherwise(monkeypatch, tmp_path):
    assert load_settings().home == PROJECT_ROOT / "data"
    monkeypatch.setenv("EFFECTMONITOR_HOME", str(tmp_path / "a"))
    assert load_settings().home == tmp_path / "a"
    assert load_settings(tmp_path / "b").home == tmp_path / "b"


def test_production_has_no_fallback(monkeypatch):
    monkeypatch.setenv("EFFECTMONITOR_ENVIRONMENT", "production")
    names = ("HOME", "KEYS", "PEOPLE", "MAKER")
    for absent in names:
        for name in names:
            monkeypatch.setenv(f"EFFECTMONITOR_{name}", "" if name == absent else "x")
        with pytest.raises(SettingsError, match=r"needs EFFECTMONITOR_HOME and .*_KEYS, .*_PEOPLE and .*_MAKER"):
            load_settings()
    monkeypatch.setenv("EFFECTMONITOR_MAKER", "els")
    assert (load_settings().maker, load_settings().people_folder.name) == ("els", "x")


def test_unknown_environment_is_refused(monkeypatch):
    monkeypatch.setenv("EFFECTMONITOR_ENVIRONMENT", "prod")
    with pytest.raises(SettingsError, match="demo, test, production"):
        load_settings()


def test_the_monitors_have_another_address_only_when_told(monkeypatch):
    assert load_settings().odata_base is None
    monkeypatch.setenv("EFFECTMONITOR_ODATA", "https://spiegel.example")
    assert load_settings().odata_base == "https://spiegel.example"
    monkeypatch.setenv("EFFECTMONITOR_ODATA", "spiegel.example")
    with pytest.raises(SettingsError, match="EFFECTMONITOR_ODATA is no address"):
        load_settings()
    for secret in ("https://me:secret@spiegel.example", "https://spiegel.example?key=secret"):
        monkeypatch.setenv("EFFECTMONITOR_ODATA", secret)
        with pytest.raises(SettingsError, match="holds a password or a question") as raised:
            load_settings()
        assert "secret" not in str(raised.value)


def test_production_key_must_exist_be_long_and_be_private(tmp_path):
    settings = Settings(home=tmp_path, environment="production", key_folder=tmp_path)
    with pytest.raises(SettingsError, match=r"tom\.key"):
        settings.pseudonym_key("tom")
    key = tmp_path / "tom.key"
    key.write_text("short")
    key.chmod(0o600)
    with pytest.raises(SettingsError, match="fewer than 32"):
        settings.pseudonym_key("tom")
    key.write_text("k" * 40)
    key.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        settings.pseudonym_key("tom")
    key.chmod(0o600)
    assert settings.pseudonym_key("tom") == b"k" * 40


def test_each_consortium_has_a_key_of_its_own(settings):
    keys = {settings.pseudonym_key(name) for name in ("tom", "go", "boost")}
    assert len(keys) == 3
    with pytest.raises(SettingsError, match="unknown consortium"):
        settings.pseudonym_key("other")


def test_an_earlier_moment_has_a_place_of_its_own_and_the_same_vault(settings):
    day = settings.at(datetime(2024, 8, 15, 21, 59, 59, 999_999))
    moment = settings.at(datetime(2024, 8, 15, 21, 59, 59))
    assert day.workplace == settings.home / "as_of" / "2024-08-15T215959.999999Z"
    assert moment.workplace == settings.home / "as_of" / "2024-08-15T215959Z"
    for name in ("warehouse", "published", "dbt_target", "dagster_home"):
        places = {getattr(each, name).parent for each in (settings, day, moment)}
        assert places == {settings.home, day.workplace, moment.workplace}
    for name in ("vault", "inbox", "releases", "receipts", "quarantine"):
        assert getattr(day, name) == getattr(settings, name)


def test_figures_are_judged_by_the_day_in_the_municipality(settings, monkeypatch):
    # half an hour before midnight in UTC another year's thresholds hold
    moment = datetime(2042, 12, 31, 23, 30)
    assert settings.at(moment).judging_day == date(2043, 1, 1)
    monkeypatch.setattr(periods, "now", lambda: moment)
    assert settings.judging_day == date(2043, 1, 1)


def test_much_is_hidden_unless_rounding_is_chosen(monkeypatch):
    assert load_settings().much_hidden == "hide"
    monkeypatch.setenv("EFFECTMONITOR_MUCH_HIDDEN", "round")
    assert load_settings().much_hidden == "round"
    monkeypatch.setenv("EFFECTMONITOR_MUCH_HIDDEN", "Round up")
    with pytest.raises(SettingsError, match="EFFECTMONITOR_MUCH_HIDDEN is 'Round up'; expected hide or round"):
        load_settings()
