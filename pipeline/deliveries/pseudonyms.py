"""Pseudonyms: an identifier becomes HMAC-SHA-256(key of the consortium, "<entity>:<identifier>"), in hex.

Belongs here: that function, once in Python for a single identifier and once in SQL for millions. The same client is
recognised over time within one consortium and never across, because every consortium has its own key.
"""

from __future__ import annotations

import hashlib
import hmac

import duckdb

_BLOCK_BYTES = 64  # of SHA-256


def pseudonym(key: bytes, entity: str, identifier: str) -> str:
    """The pseudonym of one identifier.

    Args:
        key: the consortium's key.
        entity: what the identifier names, as in the contract (``client``, ``file``, …).
        identifier: as delivered, without blanks around it.

    Returns:
        64 hexadecimal digits.
    """
    return hmac.digest(key, f"{entity}:{identifier}".encode(), "sha256").hex()


def install_pseudonyms(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Give a connection the SQL function ``pseudonym(entity, identifier)``; NULL stays NULL.

    The key enters as a variable of the connection, never as text of a statement.

    Args:
        connection: gets the function.
        key: the consortium's key.
    """
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
    connection.execute("set variable inner_pad = ?", [bytes(byte ^ 0x36 for byte in block)])
    connection.execute("set variable outer_pad = ?", [bytes(byte ^ 0x5C for byte in block)])
    connection.execute(
        """
        create or replace temporary macro pseudonym(entity, identifier) as
            sha256(
                getvariable('outer_pad')
                || unhex(sha256(getvariable('inner_pad') || encode(entity || ':' || identifier)))
            )
        """
    )
