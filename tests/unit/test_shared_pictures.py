"""What all pictures share: the PNG, the Markdown that carries it, and what is refused."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode

from pipeline.pictures import as_markdown, nothing, png


def test_packing_keeps_every_pixel():
    picture = png(nothing("Niets", "Omdat er niets is."))
    rows = zlib.decompress(_chunks(picture)[b"IDAT"])
    width, height = struct.unpack(">II", picture[16:24])
    assert len(rows) == height * (1 + width * 4)
    assert list(_chunks(picture))[-1] == b"IEND"


def test_markdown_carries_the_picture_and_what_it_shows():
    text = as_markdown(b"\x89PNG", "Wijken [1]\nnaast elkaar \\")
    assert text == r"![Wijken \[1\] naast elkaar \\](data:image/png;base64,iVBORw==)"
    assert b64decode(text.rsplit(",", 1)[1][:-1]) == b"\x89PNG"


def _chunks(picture: bytes) -> dict[bytes, bytes]:
    chunks, start = {}, 8
    while start < len(picture):
        (length,) = struct.unpack_from(">I", picture, start)
        kind, content = picture[start + 4 : start + 8], picture[start + 8 : start + 8 + length]
        assert struct.unpack_from(">I", picture, start + 8 + length) == (zlib.crc32(kind + content),)
        chunks[kind] = content
        start += 12 + length
    return chunks
