"""How sure figures are, drawn: funnel, verdicts, interviewers, change, intervals.

Belongs here: charts of frames. Does not belong here: choosing what to draw from the warehouse, and what pictures of all
rooms share (``pipeline.pictures``). None holds a cell of fewer people than the minimum or a row for one interviewer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap

import altair as alt
import numpy as np
import pandas as pd

from pipeline.pictures import (
    BLUE,
    GREY,
    INK,
    LIMIT,
    ORANGE,
    RED,
    Style,
    dutch,
    finished,
    half_years,
    known,
    latest,
    named,
    nothing,
    panels,
    part_bars,
    percentage,
    styled,
    usable,
)
from pipeline.reliability.arrays import quantile
from pipeline.reliability.change import change_word
from pipeline.reliability.comparison import dispersed_limits, dispersed_z, dispersion, funnel_limits

_LETTER, _LINE = 7.0, 14  # width of a letter and height of a line, in pixels, with some room
_SHARES = (-0.02, 1.02)  # room for marks at 0 and 100 %
_MUNICIPALITY = "GM"

_PALE, _PALER = "#D3E3EF", "#EDF3F8"

_VERDICTS = {
    "reliable": Style("betrouwbaar", BLUE, BLUE, "circle"),
    "indicative": Style("indicatief", ORANGE, ORANGE, "diamond"),
    "not_publishable": Style("niet te publiceren", RED, "white", "square"),
    "hidden": Style("verborgen", "#BDBDBD", "#BDBDBD", "cross"),
}
_CHANGES = {
    "beyond": Style("meer dan te verwachten was", BLUE, BLUE, "triangle-up"),
    "within": Style("niet te onderscheiden van de verwachting", GREY, GREY, "circle"),
    "below": Style("minder dan te verwachten was", RED, RED, "triangle-down"),
    "unknown": Style("onbekend", GREY, "white", "cross"),
}
_GROUPS = {
    "client": Style("cliënten", BLUE, BLUE, "circle"),
    "stakeholder": Style("stakeholders", RED, RED, "square"),
}


def funnel_frame(
    cells: pd.DataFrame, names: Mapping[str, str], minimum_persons: float, confidence: float, outer_confidence: float
) -> pd.DataFrame:
    """Districts' shares with the funnel limits at their size.

    Overall share and over-dispersion are those of the districts in it, so that they tell nothing of the others.

    Args:
        cells: shares of one half-year with indicator_code, district_code, n, numerator, persons; rows of a municipality
            are left out, and so are indicators with fewer than two districts.
        names: Dutch names of indicators and districts by code.
        minimum_persons: districts with fewer people are left out.
        confidence: of the inner limits, between 0 and 1.
        outer_confidence: of the outer limits.

    Returns:
        indicator_code, name_nl, district_code, district_name, n, value, target (overall share), tau_squared, low, high,
        outer_low, outer_high (exact limits), dispersed_low, dispersed_high, dispersed_outer_low, dispersed_outer_high
        (limits with over-dispersion), place (``inside``, ``between``, ``outside`` those with over-dispersion).

    Raises:
        ValueError: when a column is missing, a key of persons is there, or a district has two rows for an indicator.
    """
    key = ["indicator_code", "district_code"]
    shares = usable(cells, key, ["n", "numerator", "persons"], minimum_persons)
    shares = shares[~shares["district_code"].str.startswith(_MUNICIPALITY)]
    several = shares.groupby("indicator_code")["district_code"].transform("size") > 1
    shares = shares[several].reset_index(drop=True)
    frame = shares[["indicator_code"]].assign(
        name_nl=named(shares["indicator_code"], names),
        district_code=shares["district_code"],
        district_name=named(shares["district_code"], names),
        n=shares["n"],
        value=shares["numerator"] / shares["n"],
    )
    for code, rows in shares.groupby("indicator_code"):
        _, tau_squared, target = dispersion(rows["numerator"], rows["n"])
        frame.loc[frame["indicator_code"] == code, ["target", "tau_squared"]] = target, tau_squared
    if frame.empty:
        frame = frame.assign(target=0.0, tau_squared=0.0)
    frame = frame.join(_limits(frame["n"], frame["target"], frame["tau_squared"], confidence, outer_confidence))
    away = np.abs(dispersed_z(shares["numerator"], shares["n"], frame["target"], frame["tau_squared"]))
    inner, outer = quantile(confidence), quantile(outer_confidence)
    return frame.assign(place=np.select([away <= inner, away <= outer], ["inside", "between"], "outside"))


def funnel(
    cells: pd.DataFrame,
    names: Mapping[str, str],
    heading: str,
    minimum_persons: float,
    confidence: float,
    outer_confidence: float,
) -> alt.TopLevelMixin:
    """Districts' shares against their size, one panel per indicator, with names of those that lie apart.

    Args:
        cells: as ``funnel_frame``.
        names: as ``funnel_frame``.
        heading: what the cells are of, for example ``Tom in de buurt, 2024-H1``.
        minimum_persons: as ``funnel_frame``.
        confidence: as ``funnel_frame``.
        outer_confidence: as ``funnel_frame``.

    Returns:
        The chart.

    Raises:
        ValueError: as ``funnel_frame``.
    """
    frame = funnel_frame(cells, names, minimum_persons, confidence, outer_confidence)
    title = f"Wijken naast elkaar: {heading}"
    if frame.empty:
        return nothing(title, f"Er zijn geen twee wijken met ten minste {dutch(minimum_persons)} personen.")
    inner, outer = percentage(confidence), percentage(outer_confidence)
    places = {
        "inside": Style(f"binnen {inner}", BLUE, BLUE, "circle"),
        "between": Style(f"tussen {inner} en {outer}", ORANGE, ORANGE, "diamond"),
        "outside": Style(f"buiten {outer}", RED, RED, "triangle-up"),
    }
    panels = [rows for _, rows in frame.groupby("indicator_code")]
    columns = 2 if len(panels) == 4 else min(len(panels), 3)
    width, height = {1: (910, 380), 2: (425, 300), 3: (262, 240)}[columns]
    titles = [wrap(rows["name_nl"].iloc[0], int(width / _LETTER)) for rows in panels]
    lines = max(map(len, titles))
    drawn = [
        # as many lines for each title, so that panels beside each other begin at one height
        _funnel_panel(rows, [" "] * (lines - len(title)) + title, places, width, height, confidence, outer_confidence)
        for rows, title in zip(panels, titles, strict=True)
    ]
    return finished(
        alt.concat(*drawn, columns=columns, spacing={"row": 24, "column": 22}),
        title,
        f"Lijnen: hoever toeval alleen een wijk van het gezamenlijke deel brengt ({inner}; gestreept {outer}).",
        f"Vlakken: hetzelfde, met de gewone verschillen tussen wijken erbij. {_left_out(minimum_persons)}",
    )


def verdict_shares(shares: pd.DataFrame, names: Mapping[str, str]) -> alt.TopLevelMixin:
    """The part of the cells with each verdict over the half-years, one panel per consortium.

    Args:
        shares: consortium_code, period, verdict (``reliable``, ``indicative``, ``not_publishable``, ``hidden``), cells.
        names: Dutch names of consortia by code.

    Returns:
        The chart, with at most the last ``pipeline.pictures.MOST_HALF_YEARS``.

    Raises:
        ValueError: when a column is missing, a verdict is unknown, or a verdict has two rows in a half-year.
    """
    key = ["consortium_code", "period", "verdict"]
    bars = usable(shares, key, ["cells"])
    known(bars["verdict"], _VERDICTS)
    bars = latest(bars[bars["cells"] > 0])
    title = "Hoe zeker zijn de cijfers? Deel van de cellen per oordeel"
    if bars.empty:
        return nothing(title, "Er zijn nog geen cellen beoordeeld.")
    bars = bars.assign(consortium=named(bars["consortium_code"], names))
    layers = alt.layer(*part_bars(bars, "consortium", "verdict", "cells", _VERDICTS)).properties(width=910, height=135)
    return finished(
        layers.facet(row=panels(bars["consortium"], list(names.values()))),
        title,
        "Boven elke staaf staat het aantal cellen van dat halfjaar: één indicator in één wijk is één cel.",
    )


def interviewer_effects(
    effects: pd.DataFrame,
    names: Mapping[str, str],
    confidence: float,
    reliable_effect: float,
    notable_effect: float,
) -> alt.TopLevelMixin:
    """How much of the differences between answers goes with who asked, per survey over the half-years.

    Args:
        effects: one row per survey and half-year with consortium_code, target_group, period, rho, rho_se; without a
            rho_se the rho is an assumption and is drawn hollow.
        names: Dutch names of consortia by code.
        confidence: of the intervals, between 0 and 1.
        reliable_effect: the lower line: up to here an effect is small.
        notable_effect: the upper line: above it there is something to talk about.

    Returns:
        The chart, with at most the last ``pipeline.pictures.MOST_HALF_YEARS``.

    Raises:
        ValueError: when a column is missing, a target group is unknown, or rows go below a survey: a key of persons,
            or two rows in one half-year.
    """
    points = usable(effects, ["consortium_code", "target_group", "period"], ["rho"], also=["rho_se"])
    known(points["target_group"], _GROUPS)
    points = latest(points)
    title = "Maakt het uit wie het gesprek voert?"
    if points.empty:
        return nothing(title, "Er zijn nog geen gesprekken waarvan bekend is wie ze voerde.")
    half = quantile(confidence) * points["rho_se"]
    # an interval of a few interviews is as wide as all the others together, and would leave them no room
    lowest, highest = -notable_effect, max(3 * notable_effect, points["rho"].max())
    points = points.assign(
        consortium=named(points["consortium_code"], names),
        group=points["target_group"].map(lambda code: _GROUPS[code].label),
        low=(points["rho"] - half).clip(lower=lowest),
        high=(points["rho"] + half).clip(upper=highest),
        measured=points["rho_se"].notna(),
    )
    marks = styled("group", _GROUPS)
    marks["fill"] = alt.condition(alt.datum["measured"], marks["fill"], alt.value("white"))
    # beside each other within a half-year, so that no interval hides another
    offset = alt.XOffset("group:N", scale={"domain": [style.label for style in _GROUPS.values()], "padding": 0.9})
    span = _span(points[["low", "high", "rho"]], 0.0, notable_effect)
    y = alt.Y("rho:Q", title="effect ρ", axis={"tickCount": 5}, scale={"domain": list(span), "nice": False})
    base = alt.Chart(points).encode(x=half_years(points["period"]), xOffset=offset)
    once = alt.Chart(points).transform_aggregate(half_years="count()", groupby=["consortium"])
    layers = alt.layer(
        once.mark_rule(strokeDash=[2, 3], color=LIMIT, strokeWidth=1.5).encode(y=alt.datum(reliable_effect)),
        once.mark_rule(strokeDash=[8, 4], color=LIMIT, strokeWidth=1.5).encode(y=alt.datum(notable_effect)),
        base.mark_rule(strokeWidth=2).encode(y="low:Q", y2="high:Q", stroke=marks["stroke"]),
        base.mark_point(size=60, strokeWidth=1.5, opacity=1).encode(y=y, **marks),
    ).properties(width=890, height=135)
    return finished(
        layers.facet(row=panels(points["consortium"], list(names.values()))),
        title,
        "Het deel van de verschillen tussen antwoorden dat samenhangt met de gespreksvoerder, met het interval van "
        f"{percentage(confidence)}.",
        f"Tot de stippellijn ({dutch(reliable_effect, 2)}) is het klein; boven de streeplijn "
        f"({dutch(notable_effect, 2)}) is het een gesprek waard. Open teken: een gebruikelijke waarde. "
        "Brede intervallen zijn afgekapt.",
    )


def domain_changes(changes: pd.DataFrame, heading: str, minimum_persons: float) -> alt.TopLevelMixin:
    """Mean change per life domain beside the change that comes without help.

    Args:
        changes: one row per life domain with life_domain_code, name_nl, mean_change, change_low, change_high,
            expected_change (regression to the mean), n (people with two ratings); changes in steps of the scale.
        heading: what the changes are of, for example ``Tom in de buurt, 2024-H1``.
        minimum_persons: domains with fewer people are left out.

    Returns:
        The chart.

    Raises:
        ValueError: when a column is missing, a key of persons is there, or a domain has two rows.
    """
    figures = ["change_low", "change_high", "expected_change"]
    key = ["life_domain_code"]
    rows = usable(changes, key, ["n", "mean_change"], minimum_persons, also=figures, texts=["name_nl"])
    title = f"Verandering per leefgebied: {heading}"
    if rows.empty:
        return nothing(title, f"Geen leefgebied telt ten minste {dutch(minimum_persons)} personen.")
    rows = rows.sort_values(["mean_change", *key], ascending=[False, True])
    words = change_word((rows["change_low"], rows["change_high"]), rows["expected_change"])
    rows = rows.assign(
        label=_with_n(rows["name_nl"], rows["n"]),
        word=[_CHANGES[word].label for word in words],
    )
    marks = styled("word", {word: _CHANGES[word] for word in _CHANGES if word in set(words)})
    span = _span(rows[["mean_change", *figures]], 0.0)
    x = alt.X(
        "mean_change:Q",
        title="gemiddelde verandering, in stappen van de schaal",
        scale={"domain": list(span), "nice": False},
        axis=alt.Axis(format=".2~f", tickCount=8),
    )
    base = alt.Chart(rows).encode(y=_one_per_row(rows["label"]))
    layers = alt.layer(
        base.mark_rule(strokeWidth=2.5).encode(x="change_low:Q", x2="change_high:Q", stroke=marks["stroke"]),
        alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color=INK).encode(x="zero:Q"),
        base.mark_tick(thickness=3, size=20, color=INK, opacity=1).encode(x="expected_change:Q"),
        base.mark_point(size=90, strokeWidth=1.5, opacity=1).encode(x=x, **marks),
    ).properties(width=730, height=alt.Step(28))
    return finished(
        layers,
        title,
        "Zwart streepje: de verandering die ook zonder hulp te verwachten is. Wie laag begint, stijgt vanzelf wat.",
        "Vooruitgang is alleen wat daar met het hele interval boven ligt. "
        + _left_out(minimum_persons, what="Leefgebieden"),
    )


def district_intervals(cells: pd.DataFrame, heading: str, minimum_persons: float) -> alt.TopLevelMixin:
    """One indicator's figure per district with its interval and verdict; a municipality comes first.

    Args:
        cells: one row per district with district_code, district_name, n, persons, value, ci_low, ci_high, verdict,
            unit (``share`` is drawn as a percentage).
        heading: what the cells are of, for example ``Cliënt voelt zich gehoord, 2024-H1``.
        minimum_persons: districts with fewer people are left out.

    Returns:
        The chart.

    Raises:
        ValueError: when a column is missing, a key of persons is there, a verdict is unknown, or a district has two
            rows.
    """
    texts, bounds = ["district_name", "verdict", "unit"], ["ci_low", "ci_high"]
    rows = usable(cells, ["district_code"], ["n", "persons", "value"], minimum_persons, also=bounds, texts=texts)
    known(rows["verdict"], _VERDICTS)
    title = f"Hoe zeker is het cijfer per wijk? {heading}"
    if rows.empty:
        return nothing(title, f"Geen wijk telt ten minste {dutch(minimum_persons)} personen.")
    rows = rows.assign(
        is_district=~rows["district_code"].str.startswith(_MUNICIPALITY),
        label=_with_n(rows["district_name"], rows["n"]),
        word=rows["verdict"].map(lambda code: _VERDICTS[code].label),
    ).sort_values(["is_district", "value", "district_code"], ascending=[True, False, True])
    marks = styled("word", {code: _VERDICTS[code] for code in _VERDICTS if code in set(rows["verdict"])})
    is_share = set(rows["unit"]) == {"share"}
    low, high = _span(rows[["value", *bounds]])
    domain = [max(low, _SHARES[0]), min(high, _SHARES[1])] if is_share else [low, high]
    scale = alt.Scale(domain=domain, nice=False, zero=False)
    axis = _share_axis(7) if is_share else alt.Axis(format=".1f", tickCount=7)
    base = alt.Chart(rows).encode(y=_one_per_row(rows["label"]))
    layers = alt.layer(
        base.mark_rule(strokeWidth=2.5).encode(x="ci_low:Q", x2="ci_high:Q", stroke=marks["stroke"]),
        alt.Chart(rows.loc[~rows["is_district"], ["value"]])
        .mark_rule(color=INK, strokeDash=[6, 4])
        .encode(x="value:Q"),
        base.mark_point(size=90, strokeWidth=2, opacity=1).encode(
            x=alt.X("value:Q", title=None, scale=scale, axis=axis), **marks
        ),
    ).properties(width=760, height=alt.Step(26))
    whole = [] if rows["is_district"].all() else ["Streeplijn: de hele gemeente."]
    return finished(layers, title, " ".join([*whole, _left_out(minimum_persons)]))


def _limits(
    n: pd.Series, target: pd.Series, tau_squared: pd.Series, confidence: float, outer_confidence: float
) -> pd.DataFrame:
    limits = {}
    for outer, level in (("", confidence), ("outer_", outer_confidence)):
        limits[f"{outer}low"], limits[f"{outer}high"] = funnel_limits(n, target, level)
        bounds = dispersed_limits(n, target, tau_squared, level)
        limits[f"dispersed_{outer}low"], limits[f"dispersed_{outer}high"] = bounds
    return pd.DataFrame(limits, index=n.index)


def _funnel_panel(
    rows: pd.DataFrame,
    title: Sequence[str],
    places: Mapping[str, Style],
    width: int,
    height: int,
    confidence: float,
    outer_confidence: float,
) -> alt.LayerChart:
    most = rows["n"].max() * 1.08
    # whole numbers: exact limits do not exist between them
    curves = pd.DataFrame({"n": np.unique(np.linspace(max(rows["n"].min() - 3, 1), most, 60).round())})
    target, tau_squared = (pd.Series(rows[column].iloc[0], curves.index) for column in ("target", "tau_squared"))
    curves = curves.join(_limits(curves["n"], target, tau_squared, confidence, outer_confidence))
    # outer limits of the smallest districts would press all others together: they run out of the panel
    low, high = _span(pd.concat([rows["value"], curves["dispersed_low"], curves["dispersed_high"]]).to_frame())
    bottom, top = max(low, _SHARES[0]), min(high, _SHARES[1])
    scale = alt.Scale(domain=[bottom, top], nice=False, zero=False)
    y = alt.Y("value:Q", title=None, scale=scale, axis=_share_axis(6))
    x = alt.X("n:Q", title="aantal (n)", scale={"domain": [0, most], "nice": False}, axis={"tickCount": 5})
    base = alt.Chart(curves).encode(x=x)
    shown = rows[["n", "value", "district_name"]].assign(place=[places[place].label for place in rows["place"]])
    names = _names_near(shown, rows["place"] != "inside", most, (bottom, top), width, height)
    bands = [
        base.mark_area(color=colour, clip=True).encode(y=f"dispersed_{outer}low:Q", y2=f"dispersed_{outer}high:Q")
        for outer, colour in (("outer_", _PALER), ("", _PALE))
    ]
    lines = [
        base.mark_line(color=LIMIT, strokeWidth=1.2, strokeDash=dash, clip=True).encode(y=f"{limit}:Q")
        for limit, dash in (("low", [1, 0]), ("high", [1, 0]), ("outer_low", [4, 3]), ("outer_high", [4, 3]))
    ]
    return alt.layer(
        *bands,
        *lines,
        alt.Chart(rows[["target"]].head(1)).mark_rule(color=INK).encode(y="target:Q"),
        *names,
        alt.Chart(shown).mark_point(size=75, opacity=1).encode(x=x, y=y, **styled("place", places)),
    ).properties(width=width, height=height, title=alt.TitleParams(list(title)))


def _names_near(
    points: pd.DataFrame, apart: pd.Series, most: float, span: tuple[float, float], width: int, height: int
) -> list[alt.Chart]:
    """Names of points that lie apart: over no point or other name, with a line where there was no room beside it."""
    points = pd.DataFrame(
        {
            "name": points["district_name"],
            "x": points["n"] / most * width,
            "y": (span[1] - points["value"]) / (span[1] - span[0]) * height,
            "apart": apart,
        }
    ).sort_values(["y", "x", "name"])
    taken = [(x - 8, x + 8, y) for x, y in zip(points["x"], points["y"], strict=True)]
    names = []
    for point in points[points["apart"]].itertuples():
        length = len(point.name) * _LETTER
        start, y = np.meshgrid(np.arange(2, max(width - length, 3), 3), np.arange(8, height - 8, 2))
        away = np.hypot(np.maximum.reduce([start - point.x, point.x - start - length, 0 * start]), y - point.y)
        for low, high, other in taken:
            away = np.where((start < high) & (low < start + length) & (abs(y - other) < _LINE), np.inf, away)
        best = np.unravel_index(np.argmin(away), away.shape)
        if np.isfinite(away[best]):
            left, line = float(start[best]), float(y[best])
            taken.append((left, left + length, line))
            names.append((point.name, left, line, float(np.clip(point.x, left, left + length)), point.x, point.y))
    if not names:
        return []
    drawn = pd.DataFrame(names, columns=["name", "x", "y", "edge", "point_x", "point_y"])
    far = drawn[np.hypot(drawn["edge"] - drawn["point_x"], drawn["y"] - drawn["point_y"]) > _LINE + 4]
    place = alt.Chart(drawn).encode(x=_pixels(alt.X, "x"), y=_pixels(alt.Y, "y"), text="name:N")
    return [
        alt.Chart(far)
        .mark_rule(color=INK, strokeWidth=0.8)
        .encode(x=_pixels(alt.X, "edge"), y=_pixels(alt.Y, "y"), x2="point_x", y2="point_y"),
        # a white edge keeps a name readable on a line
        place.mark_text(align="left", fontSize=12, stroke="white", strokeWidth=3),
        place.mark_text(align="left", fontSize=12, color=INK),
    ]


def _pixels(channel: type[alt.X | alt.Y], field: str) -> alt.X | alt.Y:
    return channel(f"{field}:Q", scale=None, axis=None)


def _share_axis(ticks: int) -> alt.Axis:
    possible = "datum.value < -1e-9 || datum.value > 1 + 1e-9 ? '' : datum.label"
    return alt.Axis(format=".0~%", tickCount=ticks, labelExpr=possible)


def _one_per_row(labels: pd.Series) -> alt.Y:
    axis = alt.Axis(labelLimit=300, grid=True, domain=False, ticks=False, labelPadding=8)
    return alt.Y("label:N", title=None, sort=list(labels), axis=axis)


def _with_n(names: pd.Series, n: pd.Series) -> list[str]:
    return [f"{name} (n = {dutch(each)})" for name, each in zip(names, n, strict=True)]


def _span(values: pd.DataFrame, *also: float) -> tuple[float, float]:
    """From the lowest to the highest value with some room."""
    known = np.append(values.to_numpy(float).ravel(), also)
    low, high = float(np.nanmin(known)), float(np.nanmax(known))
    room = (high - low) * 0.05 or 0.05
    return low - room, high + room


def _left_out(minimum_persons: float, what: str = "Wijken") -> str:
    return f"{what} met minder dan {dutch(minimum_persons)} personen staan er niet in."
