"""The pattern of what may be shown, drawn: districts against indicators, and its parts over the half-years.

Belongs here: charts of statuses, and the table of figures beside them. Does not belong here: choosing what to draw
from the warehouse, and what pictures of all rooms share (``pipeline.pictures``). Only statuses are drawn, never a count
of people.
"""

from __future__ import annotations

from textwrap import wrap

import altair as alt
import numpy as np
import pandas as pd

from pipeline.pictures import (
    BLUE,
    GREY,
    INK,
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
    usable,
)
from pipeline.tables import markdown_table

_SHOWN, _PENDING, _SECONDARY, _PRIMARY = "published", "pending", "suppressed_secondary", "suppressed_primary"
_UNRELIABLE, _NO_DATA = "unreliable", "no_data"
# Light and dark apart from colour: printed in grey they still differ, and each has a sign of its own.
_STATUSES = {
    _SHOWN: Style("getoond", BLUE, BLUE, "circle"),
    _PENDING: Style("oud cijfer, wijziging wacht", BLUE, "#CBE4F4", "triangle-up"),
    _SECONDARY: Style("verborgen om een ander cijfer te beschermen", "#9A6A00", ORANGE, "diamond"),
    _PRIMARY: Style("verborgen: zegt te veel over personen", RED, "white", "cross"),
    _UNRELIABLE: Style("te onzeker", INK, "#BDBDBD", "square"),
    _NO_DATA: Style("geen gegevens", GREY, "#F4F4F4", "stroke"),
}
_COUNTS = ["rows", "shown", "pending", "hidden_secondary", "hidden_primary"]
_AUDIENCES = {"partners": "Partners: wijken en gemeente", "council": "Raad: alleen de gemeente"}

_WIDTH, _COLUMN, _ROW, _GAP = 830, 60, 25, 12  # of the boxes together, of one at most, between groups; in pixels
_LINE = 30  # letters of an indicator's name on one line
_SIGN, _LETTER = 46, 6.5  # room around a legend item, width of a letter


def pattern_picture(
    statuses: pd.DataFrame, indicators: pd.DataFrame, districts: pd.DataFrame, consortia: pd.DataFrame, period: str
) -> alt.TopLevelMixin:
    """What is shown and hidden in one half-year: a row per area, a column per indicator, grouped by consortium.

    Args:
        statuses: consortium_code, indicator_code, district_code, period, status, is_pending, as in
            ``disclosure.indicator_status``; other half-years are left out.
        indicators: indicator_code, position, name_nl; the order and names of the columns.
        districts: district_code, district_name, district_level; the municipality comes first, districts by name.
        consortia: consortium_code, name, in the order of the groups.
        period: the half-year.

    Returns:
        The chart.

    Raises:
        ValueError: when a column is missing, a key of persons is there, a status is unknown or a cell has two rows.
    """
    key = ["consortium_code", "indicator_code", "district_code", "period"]
    cells = usable(statuses, key, [], texts=["status", "is_pending"])
    cells = cells[cells["period"] == period]
    known(cells["status"], _STATUSES)
    title = f"Wat mag worden getoond? {period}"
    if cells.empty:
        return nothing(title, "Over dit halfjaar zijn er geen cijfers.")
    pending = (cells["status"] == _SHOWN) & cells["is_pending"].fillna(False).astype(bool)
    cells = cells.assign(code=cells["status"].mask(pending, _PENDING))
    areas = districts.assign(is_district=districts["district_level"] != "municipality")
    areas = areas.sort_values(["is_district", "district_name", "district_code"])
    order = areas["district_code"].tolist()
    columns = indicators.sort_values(["position", "indicator_code"])["indicator_code"].tolist()
    cells = cells.assign(
        area=named(cells["district_code"], areas.set_index("district_code")["district_name"]),
        indicator=named(cells["indicator_code"], indicators.set_index("indicator_code")["name_nl"]).map(_in_lines),
        consortium=named(cells["consortium_code"], consortia.set_index("consortium_code")["name"]),
        row=cells["district_code"].map(order.index),
        column=cells["indicator_code"].map(columns.index),
    ).sort_values(["column", "row"])
    return finished(
        alt.vconcat(_legend(cells["code"]), _matrix(cells, consortia["name"].tolist()), spacing=16),
        title,
        *_told(cells["code"]),
    )


def pattern_history(figures: pd.DataFrame) -> alt.TopLevelMixin:
    """Parts of the figures that are shown, pending and hidden over the half-years, and the information kept.

    Args:
        figures: audience, period, rows (with data), shown, pending (of those shown), hidden_secondary, hidden_primary,
            information_kept, as in ``disclosure.pattern_figures``. What is neither shown nor hidden is too uncertain.

    Returns:
        The chart, one panel per audience, with at most the last ``pipeline.pictures.MOST_HALF_YEARS``.

    Raises:
        ValueError: when a column is missing, an audience is unknown or has two rows in a half-year, or parts are more
            than their whole.
    """
    rows = usable(figures, ["audience", "period"], _COUNTS, also=["information_kept"])
    known(rows["audience"], _AUDIENCES)
    rows = rows.assign(
        panel=rows["audience"].map(_AUDIENCES),
        kept=[_kept(each).replace(".", ",") for each in rows["information_kept"]],
    )
    # in the order of a bar, from its bottom
    parts = {
        _SHOWN: rows["shown"] - rows["pending"],
        _PENDING: rows["pending"],
        _SECONDARY: rows["hidden_secondary"],
        _PRIMARY: rows["hidden_primary"],
        _UNRELIABLE: rows["rows"] - rows["shown"] - rows["hidden_secondary"] - rows["hidden_primary"],
    }
    if any((part < 0).any() for part in parts.values()):
        raise ValueError("pending figures are more than those shown, or shown and hidden ones more than all")
    bars = pd.concat([rows.assign(part=code, cells=part) for code, part in parts.items()], ignore_index=True)
    bars = latest(bars[bars["cells"] > 0])
    title = "Hoeveel mag worden getoond? Deel van de cijfers per halfjaar"
    if bars.empty:
        return nothing(title, "Er zijn nog geen cijfers beoordeeld.")
    drawn = part_bars(bars, "panel", "part", "cells", {code: _STATUSES[code] for code in parts})
    # each part of a bar carries what its half-year kept; the lowest part draws it
    kept = alt.Chart(drawn[0].data).encode(x=half_years(bars["period"]), y="information_kept:Q")
    kept = kept.transform_filter("isValid(datum.information_kept) && datum.lower == 0")
    line = [
        kept.mark_line(color=INK, strokeWidth=2),
        kept.mark_point(color=INK, fill="white", size=45, opacity=1, strokeWidth=2),
        kept.mark_text(fontSize=11, baseline="bottom", dy=-6, color=INK).encode(y=alt.datum(1), text="kept:N"),
    ]
    return finished(
        alt.layer(*drawn[:2], *line)
        .properties(width=910, height=190)
        .facet(row=panels(bars["panel"], list(_AUDIENCES.values()))),
        title,
        "Cijfers per indicator en per leefgebied, in elk gebied. Cijfers zonder gegevens tellen niet mee.",
        "Zwarte lijn en getal erboven: behouden informatie. Daarin weegt een cijfer over meer personen zwaarder.",
    )


def figures_table(figures: pd.DataFrame) -> str:
    """The figures of the pattern per half-year and audience, the newest first.

    Args:
        figures: as ``pattern_history``, with gap and seconds; a gap of 0 is a proof that nothing cheaper exists.

    Returns:
        Markdown.

    Raises:
        ValueError: when a column is missing or an audience has two rows in a half-year.
    """
    numbers = [*_COUNTS, "information_kept", "gap", "seconds"]
    rows = usable(figures, ["period", "audience"], [], also=numbers)
    rows = rows.sort_values(["period", "audience"], ascending=[False, True])
    heads = ["half-year", "audience", "shown", "of these pending", "hidden by rule", "hidden to protect"]
    heads += ["information kept", "from the optimum", "seconds"]
    return markdown_table(
        heads,
        [
            [
                row.period,
                row.audience,
                *(f"{each:.0f}" for each in (row.shown, row.pending, row.hidden_primary, row.hidden_secondary)),
                _kept(row.information_kept),
                _distance(row.gap),
                "" if np.isnan(row.seconds) else f"{row.seconds:.1f}",
            ]
            for row in rows.itertuples()
        ],
    )


def _distance(gap: float) -> str:
    """A gap in words: what is not proved must not look so by rounding."""
    if np.isnan(gap):
        return "unknown"
    if gap == 0:
        return "proved"
    return "under 0.1\u00a0%" if gap < 0.001 else f"at most {gap * 100:.1f}\u00a0%"


def _matrix(cells: pd.DataFrame, consortia: list[str]) -> alt.FacetChart:
    plain = {"title": None, "domain": False, "ticks": False, "labelPadding": 6, "labelFontSize": 12}
    lines = alt.Axis(
        orient="top",
        labelAngle=-90,
        labelLimit=400,
        labelLineHeight=14,
        labelExpr="split(datum.label, '\\n')",
        # two lines lie on either side of the middle
        labelBaseline={"condition": {"test": "indexof(datum.label, '\\n') > 0", "value": "bottom"}, "value": "middle"},
        **plain,
    )
    columns = cells["indicator"].drop_duplicates().tolist()
    areas = cells.sort_values("row")["area"].drop_duplicates().tolist()
    base = alt.Chart(_drawn(cells)).encode(
        x=alt.X("indicator:N", sort=columns, axis=lines, scale={"padding": 0.06}),
        y=alt.Y("area:N", sort=areas, axis=alt.Axis(labelLimit=300, **plain), scale={"padding": 0.06}),
    )
    header = alt.Header(labelOrient="bottom", labelFontWeight="bold", labelFontSize=13, labelPadding=6)
    groups = [name for name in consortia if name in set(cells["consortium"])]
    step = min(_COLUMN, (_WIDTH - _GAP * (len(groups) - 1)) / len(columns))
    return (
        alt.layer(*_boxes(base))
        .properties(width=alt.Step(step), height=alt.Step(_ROW))
        .facet(column=alt.Column("consortium:N", title=None, sort=groups, header=header), spacing=_GAP)
        .resolve_scale(x="independent")
    )


def _legend(codes: pd.Series) -> alt.LayerChart:
    """What each sign means and how many cells carry it: the boxes of the matrix, on as many lines as it takes."""
    items, x, y = [], 0.0, 0
    for code, style in _STATUSES.items():
        if code not in set(codes):
            continue
        text = f"{style.label} ({dutch((codes == code).sum())})"
        width = _SIGN + len(text) * _LETTER
        if x + width > _WIDTH:
            x, y = 0.0, y + _ROW
        items.append((code, text, x, x + 18, y + 2, y + 20))
        x += width
    frame = _drawn(pd.DataFrame(items, columns=["code", "text", "left", "right", "top", "bottom"]))
    frame = frame.assign(across=(frame["left"] + frame["right"]) / 2, down=(frame["top"] + frame["bottom"]) / 2)
    base = alt.Chart(frame)
    box, sign = _boxes(base)
    at = {"x": _pixels(alt.X, "across"), "y": _pixels(alt.Y, "down")}
    return alt.layer(
        box.encode(x=_pixels(alt.X, "left"), x2="right", y=_pixels(alt.Y, "top"), y2="bottom"),
        sign.encode(**at),
        base.mark_text(align="left", baseline="middle", dx=14, fontSize=13, color=INK).encode(text="text:N", **at),
    ).properties(width=_WIDTH, height=y + 22, view={"stroke": None})


def _in_lines(name: str) -> str:
    """A long name in lines of about the same length."""
    lines = -(-len(name) // _LINE)
    return "\n".join(wrap(name, len(name) // lines + 4))


def _kept(share: float) -> str:
    """A share in percent, rounded down: 100.0 means everything."""
    return "" if np.isnan(share) else f"{np.floor(share * 1000 + 1e-9) / 10:.1f}\u00a0%"


def _pixels(channel: type[alt.X | alt.Y], field: str) -> alt.X | alt.Y:
    return channel(f"{field}:Q", scale=None, axis=None)


def _drawn(rows: pd.DataFrame) -> pd.DataFrame:
    """With colours and sign as they are, so that the boxes of two charts are the same."""
    style = rows["code"].map(_STATUSES)
    return rows.assign(
        fill=[each.fill for each in style],
        edge=[each.colour for each in style],
        ink=["white" if each.fill == each.colour else each.colour for each in style],
        sign=[each.shape for each in style],
    )


def _boxes(base: alt.Chart) -> tuple[alt.Chart, alt.Chart]:
    """A box and the sign on it."""

    def own(channel: type, field: str) -> alt.SchemaBase:
        return channel(f"{field}:N", scale=None, legend=None)

    return (
        base.mark_rect(strokeWidth=1).encode(fill=own(alt.Fill, "fill"), stroke=own(alt.Stroke, "edge")),
        base.mark_point(size=60, strokeWidth=1.5, opacity=1).encode(
            fill=own(alt.Fill, "ink"), stroke=own(alt.Stroke, "ink"), shape=own(alt.Shape, "sign")
        ),
    )


def _told(codes: pd.Series) -> list[str]:
    with_data = codes[codes != _NO_DATA]
    shown = with_data.isin([_SHOWN, _PENDING]).sum()
    told = f"{dutch(shown)} van de {dutch(len(with_data))} cijfers worden getoond"
    share = f" ({percentage(round(shown / len(with_data), 2))})" if len(with_data) else ""
    return [f"{told}{share}. Eén indicator in één gebied is één cijfer; het gaat om de uitgave voor de partners."]
