"""Pictures: one style for all charts, their PNG, and a PNG where text is expected.

Belongs here: what pictures of several rooms share, and refusing what no picture may hold. Does not belong here: a chart
of one room. Pictures go where every engineer of the municipality looks, so that none holds a key of persons. What a
picture says by colour it says by shape or fill too.
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import altair as alt
import numpy as np
import pandas as pd
import vl_convert

MOST_HALF_YEARS = 20  # ten years: more labels than these do not fit beside each other

# Wong (2011), Nature Methods 8, 441: colours that stay apart for the colour-blind.
BLUE, ORANGE, RED, GREY = "#0072B2", "#E69F00", "#D55E00", "#8A8A8A"
INK, LIMIT = "#222222", "#555555"

_FONT = "Liberation Sans"  # comes with vl-convert, so that every machine draws the same
_LOCALE = {
    "decimal": ",",
    "thousands": ".",
    "grouping": [3],
    "currency": ["€\u00a0", ""],
    "percent": "\u00a0%",
    "minus": "−",
}
_WIDTH = 970


class Style(NamedTuple):
    """How one code is said and drawn."""

    label: str
    colour: str
    fill: str
    shape: str


def as_markdown(picture: bytes, text: str) -> str:
    """A picture as Markdown that carries the picture itself, as Dagster shows it from metadata.

    Args:
        picture: a PNG.
        text: what it shows, for who cannot see it.

    Returns:
        One line of Markdown; Dagster strips HTML from metadata, but keeps this.
    """
    plain = " ".join(text.split())
    for mark in r"\[]":
        plain = plain.replace(mark, f"\\{mark}")
    return f"![{plain}](data:image/png;base64,{b64encode(picture).decode('ascii')})"


def png(chart: alt.TopLevelMixin) -> bytes:
    """A chart as PNG: the same bytes for the same chart, without anything from the network.

    Args:
        chart: one that ``finished`` returned.

    Returns:
        The picture, about a thousand pixels wide.
    """
    version = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
    picture = vl_convert.vegalite_to_png(
        chart.to_dict(), vl_version=version, allowed_base_urls=[], format_locale=_LOCALE
    )
    return _packed(picture)


def usable(
    frame: pd.DataFrame,
    key: Sequence[str],
    figures: Sequence[str],
    minimum_persons: float | None = None,
    *,
    also: Sequence[str] = (),
    texts: Sequence[str] = (),
) -> pd.DataFrame:
    """Only the columns and rows that a picture may and can show, in one order.

    Args:
        frame: what is to be drawn.
        key: columns that name a row; one row each.
        figures: columns with a figure; rows that lack one are left out.
        minimum_persons: rows with fewer ``n`` or ``persons`` are left out.
        also: figures that may lack.
        texts: other columns.

    Returns:
        These columns, figures as decimals, ordered by the key.

    Raises:
        ValueError: when a column is missing, a key of persons is there, or a key has two rows.
    """
    columns = [*key, *figures, *also, *texts]
    missing = [column for column in columns if column not in frame]
    if missing:
        raise ValueError(f"a picture misses columns: {', '.join(missing)}")
    persons = [column for column in frame if column.endswith(("_id", "_key"))]
    if persons:
        raise ValueError(f"a picture takes no keys of persons: {', '.join(persons)}")
    if frame.duplicated(list(key)).any():
        raise ValueError(f"a picture takes one row per {', '.join(key)}")
    rows = frame[columns].astype(dict.fromkeys((*figures, *also), float)).dropna(subset=list(figures))
    if minimum_persons is not None:
        people = [column for column in ("n", "persons") if column in columns]
        rows = rows[(rows[people] >= minimum_persons).all(axis=1)]
    return rows.sort_values(list(key)).reset_index(drop=True)


def known(codes: pd.Series, words: Mapping[str, object]) -> None:
    """Refuse codes that have no words.

    Args:
        codes: what is to be drawn.
        words: per code.

    Raises:
        ValueError: that names the codes.
    """
    strange = set(codes) - set(words)
    if strange:
        raise ValueError(f"a picture has no words for {', '.join(map(repr, sorted(map(str, strange))))}")


def latest(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last ``MOST_HALF_YEARS`` in the column period."""
    return frame[frame["period"].isin(sorted(set(frame["period"]))[-MOST_HALF_YEARS:])]


def named(codes: pd.Series, names: Mapping[str, str]) -> pd.Series:
    """The name of each code, or the code where there is none."""
    return codes.map(lambda code: names.get(code, code))


def styled(field: str, styles: Mapping[str, Style]) -> dict[str, alt.Stroke | alt.Fill | alt.Shape]:
    """Colour, fill and shape of one field, as one legend."""
    labels, colours, fills, shapes = (list(each) for each in zip(*styles.values(), strict=True))
    legend = alt.Legend(title=None, orient="top")

    def scale(values: list[str]) -> alt.Scale:
        return alt.Scale(domain=labels, range=values)

    return {
        "stroke": alt.Stroke(f"{field}:N", scale=scale(colours), legend=legend),
        "fill": alt.Fill(f"{field}:N", scale=scale(fills), legend=legend),
        "shape": alt.Shape(f"{field}:N", scale=scale(shapes), legend=legend),
    }


def half_years(periods: pd.Series) -> alt.X:
    """The horizontal axis of half-years, in order, of the column period."""
    order = sorted(set(periods))
    return alt.X("period:O", title=None, sort=order, axis={"labelAngle": -40 if len(order) > 12 else 0})


def panels(present: pd.Series, order: Sequence[str]) -> alt.Row:
    """One panel per value of a column, below each other with the value above it.

    Args:
        present: the column, by its name.
        order: of the values; others follow.

    Returns:
        The row encoding.
    """
    known_order = [value for value in order if value in set(present)]
    known_order += sorted(set(present) - set(known_order))
    header = alt.Header(
        labelOrient="top", labelAnchor="start", labelFontWeight="bold", labelFontSize=13, labelPadding=4
    )
    return alt.Row(f"{present.name}:N", title=None, sort=known_order, header=header)


def part_bars(rows: pd.DataFrame, panel: str, part: str, count: str, styles: Mapping[str, Style]) -> list[alt.Chart]:
    """Bars per half-year that add up to everything, with the share of each part in it and the total above it.

    Args:
        rows: one row per panel, period and part, each with a positive count; other columns stay for other layers.
        panel: the column that tells panels apart.
        part: the column with the code of the part.
        count: the column with how many.
        styles: per code, from the bottom of a bar to its top.

    Returns:
        Layers on one frame.
    """
    rows = rows.assign(rank=rows[part].map(list(styles).index)).sort_values([panel, "period", "rank"])
    bars = rows.groupby([panel, "period"])[count]
    total = bars.transform("sum")
    share, upper = rows[count] / total, bars.cumsum() / total
    rows = rows.assign(
        word=rows[part].map(lambda code: styles[code].label),
        lower=upper - share,
        middle=upper - share / 2,
        upper=upper,
        total=np.where(upper > 1 - 1e-9, total.map(dutch), ""),
        # a label that is higher than its part of the bar says less than none
        label=[percentage(round(each, 2)) if each >= 0.12 else "" for each in share],
        label_colour=["white" if styles[code].fill == BLUE else INK for code in rows[part]],
    )
    base = alt.Chart(rows).encode(x=half_years(rows["period"]))
    axis = alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1])
    colours = styled("word", {code: styles[code] for code in styles if code in set(rows[part])})
    colours.pop("shape")
    return [
        base.mark_bar(strokeWidth=1.5).encode(
            y=alt.Y("lower:Q", title=None, axis=axis, scale={"domain": [0, 1.14], "nice": False}),
            y2="upper:Q",
            **colours,
        ),
        base.mark_text(fontSize=11).encode(y="middle:Q", text="label:N", color=alt.Color("label_colour:N", scale=None)),
        base.mark_text(fontSize=11, baseline="bottom", dy=-2, color=LIMIT).encode(y="upper:Q", text="total:N"),
    ]


def dutch(number: float, decimals: int | None = None) -> str:
    """A number with a decimal comma."""
    return (f"{number:.10g}" if decimals is None else f"{number:.{decimals}f}").replace(".", ",")


def percentage(share: float) -> str:
    """A share between 0 and 1 as a percentage."""
    return f"{dutch(round(share * 100, 3))}\u00a0%"


def nothing(title: str, why: str) -> alt.TopLevelMixin:
    """What is drawn when there is nothing to draw, with the reason."""
    text = alt.Chart(pd.DataFrame({"text": ["geen gegevens"]})).mark_text(fontSize=24, color="#555555")
    return finished(text.encode(text="text:N").properties(width=960, height=160), title, why)


def finished(chart: alt.TopLevelMixin, title: str, *explanation: str) -> alt.TopLevelMixin:
    """A chart in the style of all pictures, with a title and what a reader has to know."""
    return (
        chart.properties(
            title=alt.TitleParams(
                title,
                subtitle=list(explanation),
                anchor="start",
                frame="bounds",
                fontSize=17,
                subtitleFontSize=13,
                subtitleColor="#444444",
                subtitlePadding=6,
                offset=14,
                limit=_WIDTH,
            ),
            background="white",
            padding=12,
        )
        .configure(font=_FONT)
        .configure_axis(
            labelFontSize=12, labelFlush=False, titleFontSize=12, titleFontWeight="normal", gridColor="#E6E6E6"
        )
        .configure_legend(labelFontSize=13, symbolSize=110, labelLimit=400)
        .configure_view(stroke="#CCCCCC")
    )


def _packed(picture: bytes) -> bytes:
    """The same PNG in a quarter of the bytes: vl-convert packs for speed, and Dagster keeps every picture."""
    chunks, start, pixels = [], 8, b""
    while start < len(picture):
        (length,) = struct.unpack_from(">I", picture, start)
        kind, content = picture[start + 4 : start + 8], picture[start + 8 : start + 8 + length]
        start += 12 + length
        if kind == b"IDAT":
            pixels += content
            continue
        if kind == b"IEND":
            chunks.append((b"IDAT", zlib.compress(zlib.decompress(pixels), 9)))
        chunks.append((kind, content))
    return picture[:8] + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
