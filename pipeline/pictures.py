"""Pictures where text is expected.

Belongs here: putting a picture into Markdown. Does not belong here: drawing one.
"""

from __future__ import annotations

from base64 import b64encode


def as_markdown(png: bytes, alt: str) -> str:
    """A picture as Markdown that carries the picture itself, as Dagster shows it from metadata.

    Args:
        png: the picture.
        alt: what it shows, for who cannot see it.

    Returns:
        One line of Markdown; Dagster strips HTML from metadata, but keeps this.
    """
    plain = " ".join(alt.split())
    for mark in r"\[]":
        plain = plain.replace(mark, f"\\{mark}")
    return f"![{plain}](data:image/png;base64,{b64encode(png).decode('ascii')})"
