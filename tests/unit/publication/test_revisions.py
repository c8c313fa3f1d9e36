"""What changed in published figures, from release to release, in a small warehouse by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import dagster as dg
import duckdb
import pytest

from pipeline.publication import release as releases
from pipeline.publication.assets import build_publication_assets
from pipeline.publication.checks import release_problems
from pipeline.publication.life import publish_waiting
from pipeline.publication.marts_file import open_marts
from pipeline.publication.release import Release, make_release, release_file, write_as_of
from pipeline.publication.revisions import COLUMNS, revisions_in
from pipeline.warehouse.connection import open_warehouse

Figure = tuple[str, str, float | None, int | None, str]

HIDDEN = ("suppressed_secondary", "unreliable")
DELIVERIES = {("tom", "2023-H1"): 1, ("tom", "2023-H2"): 1, ("boost", "2023-H2"): 1}
FIGURES: dict[tuple[str, str], tuple[float | None, int | None, str]] = {
    ("tom_gehoord", "2023-H1"): (0.5, 40, "published"),
    ("tom_gehoord", "2023-H2"): (0.6, 50, "published"),
    ("tom_secret", "2023-H2"): (None, None, "suppressed_primary"),
    ("boost_bereik", "2023-H2"): (12.0, 1000, "published"),
}


@pytest.fixture
def publish(settings, seal) -> Callable[..., tuple[Release, bool]]:
    """Make a release of these figures, deliveries and vintage, and publish it."""

    def make(figures=FIGURES, deliveries=DELIVERIES, vintage="2022"):
        with open_warehouse(settings) as warehouse:
            seal(warehouse)
            for schema in ("staging", "marts"):
                warehouse.execute(f"create schema if not exists {schema}")
            warehouse.execute(
                "create or replace table staging.stg_deliveries__deliveries "
                "(consortium_code varchar, period varchar, delivery_version integer, is_counting boolean)"
            )
            for (consortium, period), version in deliveries.items():
                warehouse.execute(
                    "insert into staging.stg_deliveries__deliveries values (?, ?, ?, true)",
                    [consortium, period, version],
                )
            warehouse.execute(
                "create or replace table marts.fct_monitor as select 'cbs_kwb' as monitor, ? as vintage", [vintage]
            )
            warehouse.execute(
                "create or replace table marts.fct_indicator (consortium_code varchar, indicator_code varchar, "
                "district_code varchar, period varchar, n bigint, value double, unit varchar, status varchar, "
                "delivery_version integer)"
            )
            for (indicator, period), (value, n, status) in figures.items():
                consortium = indicator.split("_")[0]
                unit = "per_1000_residents" if consortium == "boost" else "share"
                version = deliveries.get((consortium, period))
                row = [consortium, indicator, "WK1", period, n, value, unit, status, version]
                warehouse.execute(f"insert into marts.fct_indicator values ({', '.join('?' for _ in row)})", row)
        made = make_release(settings)
        publish_waiting(settings, "partners")
        return made

    return make


@pytest.fixture
def changed(settings, publish) -> Callable[..., list[tuple]]:
    """Make a release and tell what it changed."""

    def of(*arguments, **others):
        made, _ = publish(*arguments, **others)
        rows = revisions_in(release_file(settings, made), made.release_id)
        return [(row["indicator_code"], row["period"], row["old"], row["new"], row["reason"]) for row in rows]

    return of


def test_the_first_release_has_an_empty_typed_and_described_table(settings, publish):
    marts_file = release_file(settings, publish()[0])
    with open_marts(marts_file) as marts:
        described = marts.execute("describe marts.fct_revision").fetchall()
        rows = marts.execute("select count(*) from marts.fct_revision").fetchone()
    assert {row[0]: row[1].lower() for row in described} == {name: kind for name, (kind, _) in COLUMNS.items()}
    assert rows == (0,)
    assert not [problem for problem in release_problems(marts_file) if "fct_revision" in problem]
    for kind in ("parquet", "csv"):
        assert (marts_file.parent / kind / f"fct_revision.{kind}").is_file()


def test_a_correction_names_the_versions_and_the_figures_before_and_after(settings, publish):
    publish()
    made, _ = publish(
        FIGURES | {("tom_gehoord", "2023-H2"): (0.7, 51, "published")}, DELIVERIES | {("tom", "2023-H2"): 2}
    )
    (row,) = revisions_in(release_file(settings, made))
    assert (row["release"], row["released_at"].isoformat()) == (made.release_id, made.created_at)
    assert (row["old"], row["new"], row["old_n"], row["new_n"]) == (0.6, 0.7, 50, 51)
    assert (row["old_delivery_version"], row["new_delivery_version"]) == (1, 2)
    assert row["reason"] == "correction"
    assert row["reason_nl"] == "Levering tom 2023-H2 versie 2 verving versie 1."


def test_another_n_alone_is_a_change_and_rounding_is_none(changed, publish):
    publish()
    figures = FIGURES | {("tom_gehoord", "2023-H1"): (0.5, 41, "published")}
    figures[("tom_gehoord", "2023-H2")] = (0.6 + 1e-13, 50, "published")
    assert [row[:2] for row in changed(figures)] == [("tom_gehoord", "2023-H1")]


def test_new_half_years_and_what_was_never_shown_are_no_revision(changed, publish):
    publish()
    figures = FIGURES | {
        ("tom_gehoord", "2024-H1"): (0.8, 30, "published"),
        ("tom_secret", "2023-H2"): (0.9, 12, "published"),
    }
    assert changed(figures, DELIVERIES | {("tom", "2024-H1"): 1}) == []
    # from now on it is a published figure
    figures["tom_secret", "2023-H2"] = (0.4, 12, "published")
    assert [row[:4] for row in changed(figures)] == [("tom_secret", "2023-H2", 0.9, 0.4)]


@pytest.mark.parametrize("status", HIDDEN)
def test_a_figure_that_is_hidden_and_shown_again_tells_only_what_was_shown(settings, publish, changed, status):
    publish()
    hidden = FIGURES | {("tom_gehoord", "2023-H2"): (None, None, status)}
    made, _ = publish(hidden)
    (row,) = revisions_in(release_file(settings, made), made.release_id)
    assert (row["old"], row["old_n"], row["new"], row["new_n"]) == (0.6, 50, None, None)
    assert (row["old_status"], row["new_status"]) == ("published", status)
    # while it stays hidden nothing more is told of it
    assert changed(hidden | {("tom_gehoord", "2023-H1"): (0.55, 40, "published")}) == [
        ("tom_gehoord", "2023-H1", 0.5, 0.55, "method")
    ]
    shown = changed(hidden | {("tom_gehoord", "2023-H2"): (0.65, 52, "published")})
    assert ("tom_gehoord", "2023-H2", None, 0.65) in [row[:4] for row in shown]


def test_a_hidden_value_that_slips_into_the_mart_does_not_come_out_here(settings, publish):
    publish()
    made, _ = publish(FIGURES | {("tom_gehoord", "2023-H2"): (0.6, 3, "suppressed_primary")})
    (row,) = revisions_in(release_file(settings, made), made.release_id)
    assert (row["new"], row["new_n"]) == (None, None)


def test_a_figure_that_disappears_and_comes_back_is_told_twice(settings, publish, changed):
    publish()
    made, _ = publish({key: figure for key, figure in FIGURES.items() if key != ("tom_gehoord", "2023-H1")})
    (row,) = revisions_in(release_file(settings, made))
    assert (row["old_status"], row["new_status"], row["new"]) == ("published", None, None)
    assert row["reason_nl"].endswith("Het cijfer komt niet meer voor.")
    assert [each[2:4] for each in changed(FIGURES)] == [(None, 0.5)]


_OTHER = {("tom_gehoord", "2023-H2"): (0.65, 52, "published")}
_RATE = {("boost_bereik", "2023-H2"): (11.0, 1100, "published")}
_GONE = {("tom_gehoord", "2023-H2"): (None, None, "suppressed_secondary")}


@pytest.mark.parametrize(
    ("figures", "deliveries", "vintage", "reason", "words"),
    [
        (_OTHER, {("tom", "2023-H1"): 3}, "2022", "correction", "Levering tom 2023-H1 versie 3 verving versie 1."),
        (_OTHER, {("tom", "2022-H2"): 2}, "2022", "later_delivery", "Levering tom 2022-H2 versie 2 kwam later binnen."),
        (_OTHER, {("tom", "2022-H2"): 1, ("tom", "2023-H1"): 2}, "2022", "correction", "2022-H2 versie 1 kwam later"),
        # its own half-year tells enough
        (_OTHER, {("tom", "2023-H1"): 2, ("tom", "2023-H2"): 2}, "2022", "correction", "Levering tom 2023-H2 versie 2"),
        # another consortium, or a later half-year, cannot be the cause
        (_OTHER, {("boost", "2023-H2"): 2, ("tom", "2024-H1"): 1}, "2022", "method", "De berekening"),
        (_OTHER, {}, "2023", "method", "De berekening of haar referentiegegevens zijn veranderd."),
        (_RATE, {}, "2023", "monitor", "Het aantal inwoners komt uit nieuwe gegevens: cbs_kwb/2023."),
        # a rate is about its own half-year only
        (_RATE, {("boost", "2023-H1"): 1}, "2023", "monitor", "cbs_kwb/2023"),
        (_RATE, {("boost", "2023-H2"): 2}, "2023", "correction", "Levering boost 2023-H2 versie 2 verving versie 1."),
        (_GONE, {}, "2022", "protection", "om personen te beschermen"),
        (_GONE, {("tom", "2023-H2"): 2}, "2022", "correction", "verving versie 1. Het cijfer is nu niet zichtbaar"),
    ],
)
def test_the_reason_is_what_changed_in_what_the_figure_uses(
    settings, publish, figures, deliveries, vintage, reason, words
):
    publish()
    made, _ = publish(FIGURES | figures, DELIVERIES | deliveries, vintage)
    (row,) = revisions_in(release_file(settings, made))
    assert row["reason"] == reason
    assert words in row["reason_nl"]


def test_other_software_is_named(settings, publish, monkeypatch):
    monkeypatch.setattr(releases, "code_version", lambda: "1.0")
    publish()
    monkeypatch.setattr(releases, "code_version", lambda: "1.1")
    made, _ = publish(FIGURES | _OTHER)
    (row,) = revisions_in(release_file(settings, made))
    assert row["reason_nl"] == "De berekening is veranderd: softwareversie 1.1 verving 1.0."


def test_earlier_revisions_are_carried_along_and_the_same_release_again_adds_none(settings, publish):
    publish()
    second, _ = publish(FIGURES | _OTHER)
    third, _ = publish(FIGURES)
    again, is_new = publish(FIGURES)
    assert (again.release_id, is_new) == (third.release_id, False)
    rows = revisions_in(release_file(settings, third))
    assert [(row["release"], row["old"], row["new"]) for row in rows] == [
        (second.release_id, 0.6, 0.65),
        (third.release_id, 0.65, 0.6),
    ]
    assert third.rows["fct_revision"] == 2


def test_releases_of_before_this_table_and_releases_whose_files_are_gone_stop_nobody(settings, publish, changed):
    first, _ = publish()
    with duckdb.connect() as marts:
        marts.execute(f"attach '{release_file(settings, first)}' as old")
        marts.execute("drop table old.marts.fct_revision")
    assert revisions_in(release_file(settings, first)) == []
    assert len(changed(FIGURES | _OTHER)) == 1
    release_file(settings, replace(first, release_id="partners-0002")).unlink()
    assert changed(FIGURES | {("tom_gehoord", "2023-H2"): (0.61, 50, "published")})[0][2:4] == (0.6, 0.61)


def test_the_check_of_a_release_guards_the_revisions_too(settings, publish, tmp_path):
    publish()
    marts_file = release_file(settings, publish(FIGURES | _GONE)[0])
    assert not [problem for problem in release_problems(marts_file) if "fct_revision" in problem]
    for number, (statement, sentence) in enumerate(
        [
            ("update marts.fct_revision set new = 0.1", "fct_revision.new is filled in 1 rows whose new_status is not"),
            ("update marts.fct_revision set old_status = 'no_data'", "fct_revision.old is filled in 1 rows"),
            ("insert into marts.fct_revision from marts.fct_revision", "1 keys (release, indicator_code"),
            ("alter table marts.fct_revision drop old_n", "column fct_revision.old_n is missing"),
            ("drop table marts.fct_revision", "table fct_revision is missing"),
        ]
    ):
        spoiled = tmp_path / str(number) / "marts.duckdb"
        spoiled.parent.mkdir()
        shutil.copyfile(marts_file, spoiled)
        with duckdb.connect() as marts:
            marts.execute(f"attach '{spoiled}' as spoiled")
            marts.execute(f"use spoiled; {statement}")
        assert any(sentence in problem for problem in release_problems(spoiled)), statement


def test_the_candidate_shows_how_many_figures_it_changes_and_which(settings, publish):
    publish()
    publish(FIGURES | _OTHER)
    candidate, _ = build_publication_assets(settings, {"partners": []})
    done = dg.materialize([candidate], raise_on_error=False)
    (event,) = done.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["changed_figures"].value == 1
    assert "| tom_gehoord | WK1 | 2023-H2 | 0.6 | 0.65 | published | published | method |" in metadata["changed"].value


def test_files_of_an_earlier_moment_must_be_complete_and_are_put_beside_the_release(settings, publish):
    first, _ = publish()
    then = settings.at(datetime.fromisoformat(first.created_at))
    then.workplace.mkdir(parents=True)
    then.warehouse.write_bytes(settings.warehouse.read_bytes())
    with pytest.raises(releases.ReleaseError, match="table dim_goal is missing"):
        write_as_of(then)
    assert not then.published.exists()
