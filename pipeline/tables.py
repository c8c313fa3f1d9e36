"""Small tables as text, for Dagster's metadata and the command line."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(names: Sequence[str], rows: Sequence[Sequence[object]], *, width: int = 40) -> str:
    """A Markdown table.

    Args:
        names: column headings.
        rows: one sequence of cells per row; None becomes an empty cell.
        width: longer cells are cut at this many characters.
    """
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for row in rows:
        lines.append("| " + " | ".join(_cell(value, width) for value in row) + " |")
    return "\n".join(lines)


def _cell(value: object, width: int) -> str:
    text = "" if value is None else str(value).replace("|", "/").replace("\n", " ")
    return text if len(text) <= width else text[: width - 1] + "…"
