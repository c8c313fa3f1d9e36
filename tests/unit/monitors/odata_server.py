"""A server that speaks the protocol of CBS, versions 3 and 4, on a real socket, with faults on demand.

What it serves are the bundled figures, in the forms that CBS sends: padded keys, numbers or padded text, pages with a
link to the next. Modelled on recorded metadata in the test suites of statline-bq
(https://github.com/dataverbinders/statline-bq) and CBSOData3.jl (https://github.com/HenricoWitvliet/CBSOData3.jl), both
MIT, and on the traps that the users of https://github.com/J535D165/cbsodata (pull request 15: options twice) and of
https://github.com/edwindj/cbsodataR (issue 16: too long a question) describe. Errors follow the standard of OData, and
that a missing figure of version 4 carries an attribute is all that is known of those: no recorded answer was found.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pandas as pd

from pipeline.monitors.source_files import OPEN_DATA, files, stem

Row = dict[str, Any]
V3 = "opendata.cbs.nl/ODataFeed/OData"
THIRD_PARTIES = "dataderden.cbs.nl/ODataFeed/OData"
V4 = "odata4.cbs.nl/CBS"
_TERM = re.compile(r"startswith\((\w+),'([^']*)'\)")
_HANG_SECONDS = 30


@dataclass
class Table:
    """A table: its place, its description, and its sets by name."""

    place: str
    identifier: str
    description: Row
    sets: dict[str, list[Row]]


@dataclass
class ODataServer:
    """What a test can see and change while the server runs.

    Attributes:
        url: its address, for ``EFFECTMONITOR_ODATA``.
        tables: by place and identifier.
        page_size: rows per page.
        requests: every path that was asked for, with its question as sent.
        agents: who asked, per request.
        faults: what goes wrong: a part of a path, what, and how many times.
    """

    url: str = ""
    tables: dict[str, Table] = field(default_factory=dict)
    page_size: int = 50
    requests: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    faults: list[list[Any]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def add(self, table: Table) -> Table:
        """Serve a table."""
        self.tables[f"{table.place}/{table.identifier}"] = table
        return table

    def fail(self, part: str, fault: str, times: int = 1) -> None:
        """Let the next requests with this part in their path go wrong."""
        self.faults.append([part, fault, times])

    def asked(self, part: str) -> list[str]:
        """The requests with this part in their path."""
        return [request for request in self.requests if part in request]


@contextmanager
def running() -> Iterator[ODataServer]:
    """A running server without tables."""
    state = ODataServer()
    handler = type("Handler", (_Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.stop.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    state: ODataServer
    protocol_version = "HTTP/1.1"
    # without it, an answer of two writes takes 40 ms
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.state.requests.append(self.path)
        self.state.agents.append(self.headers["User-Agent"])
        fault = self._fault()
        if fault in _ANSWERS:
            _ANSWERS[fault](self)
            return
        parts = urlsplit(self.path)
        place, _, name = parts.path.strip("/").partition("NED")
        table = self.state.tables.get(f"{place}NED")
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        options = dict(pairs)
        if table is None:
            self._json(404, self._error("Requested resource was not found"))
        elif len(pairs) != len(options):
            self._json(400, self._error("An option stands in the question twice"))
        elif "odata4" not in place and options.get("$format") != "json" and not name.endswith("$count"):
            self._send(200, b"<?xml version='1.0'?><feed/>", "application/atom+xml")
        else:
            self._answer(table, name.strip("/"), options, fault)

    def _answer(self, table: Table, name: str, options: dict[str, str], fault: str | None) -> None:
        if name == "Properties":
            self._json(200, table.description)
            return
        if name == "":
            self._json(200, {"value": [{"name": each, "url": f"{self._root(table)}/{each}"} for each in table.sets]})
            return
        counts = name.endswith("/$count")
        rows = table.sets.get(name.removesuffix("/$count"))
        if rows is None:
            self._json(404, self._error("Requested resource was not found"))
            return
        holds = _condition(options.get("$filter", ""))
        rows = [row for row in rows if holds(row)]
        if counts:
            self._send(200, str(len(rows) + (fault == "wrong count")).encode(), "text/plain")
            return
        start = int(options.get("$skip", 0))
        page = rows[start : start + self.state.page_size]
        # a row was added at the source between two pages: the last row of one is the first of the next
        if fault == "double row" and start:
            page = [rows[start - 1], *page]
        if fault == "changed row" and start:
            page = [{**rows[start - 1], next(reversed(rows[start - 1])): "7"}, *page]
        content: Row = {"value": page}
        after = start + self.state.page_size
        if after < len(rows):
            link = f"{self.state.url}{self.path.partition('&$skip')[0]}&$skip={after}"
            link = {"loop": f"{self.state.url}{self.path}", "other host": "http://localhost:9/next"}.get(
                fault or "", link
            )
            content["@odata.nextLink" if table.place == V4 else "odata.nextLink"] = link
        self._json(200, content)

    def _root(self, table: Table) -> str:
        return f"{self.state.url}/{table.place}/{table.identifier}"

    def _fault(self) -> str | None:
        for waiting in self.state.faults:
            part, fault, times = waiting
            if times and part in self.path:
                waiting[2] -= 1
                return fault
        return None

    def _error(self, words: str) -> Row:
        if V4 in self.path:
            return {"error": {"code": "", "message": words, "details": []}}
        return {"odata.error": {"code": "", "message": {"lang": "en-US", "value": words}}}

    def _json(self, status: int, content: Row) -> None:
        body = gzip.compress(json.dumps(content).encode(), compresslevel=1)
        self._send(status, body, "application/json; charset=utf-8", Content_Encoding="gzip")

    def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", headers.pop("length", str(len(body))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _cut(self) -> None:
        self._send(200, b'{"value": [{"ID": 1', "application/json", length="5000")
        self.close_connection = True

    def _hang(self) -> None:
        self.state.stop.wait(_HANG_SECONDS)
        self.close_connection = True

    def _drip(self) -> None:
        self._send(200, b"{", "application/json", length="100000")
        while not self.state.stop.is_set():
            try:
                self.wfile.write(b" ")
                self.wfile.flush()
            except OSError:
                break
            time.sleep(0.05)
        self.close_connection = True


_PAGE = b"<!DOCTYPE html><html><body>StatLine is tijdelijk niet beschikbaar</body></html>"
_ANSWERS: dict[str | None, Callable[[_Handler], None]] = {
    "500": lambda h: h._json(500, h._error("query returns more than 10000 records")),
    "429": lambda h: h._send(429, b"", "text/plain", Retry_After="1"),
    "429 for an hour": lambda h: h._send(429, b"", "text/plain", Retry_After="3600"),
    "403": lambda h: h._send(403, _PAGE, "text/html"),
    "html": lambda h: h._send(200, _PAGE, "text/html; charset=utf-8"),
    "html as json": lambda h: h._send(200, _PAGE, "application/json"),
    "error": lambda h: h._json(200, h._error("The <b>query</b> is\nnot valid")),
    "not whole": lambda h: h._send(200, b'{"value": [{"ID": 1}, {"ID"', "application/json"),
    "a list": lambda h: h._json(200, []),
    "no rows": lambda h: h._json(200, {"value": []}),
    "moved": lambda h: h._send(302, b"", "text/plain", Location=f"http://localhost:{h.server.server_port}{h.path}"),
    "cut": _Handler._cut,
    "hang": _Handler._hang,
    "drip": _Handler._drip,
}


def _condition(text: str) -> Callable[[Row], bool]:
    """Whether a row meets a condition of ``startswith`` terms with and, or and brackets."""
    assert re.fullmatch(r"(?:and|or|[()\s])*", _TERM.sub("", text)), text
    code = compile(_TERM.sub(r"(row['\1'] or '').startswith('\2')", text) or "True", "filter", "eval")
    return lambda row: eval(code, {"__builtins__": {}}, {"row": row})


# ---- the bundled figures, as CBS serves them ----------------------------------------------------------------------


def _csv(path: Any) -> list[Row]:
    return pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")


def _number(text: str) -> int | float | None:
    if text.strip() in ("", "."):
        return None
    return int(text) if text.strip().lstrip("-").isdigit() else float(text)


@cache
def _properties() -> list[Row]:
    path = files("cbs_kwb", "properties")["path"].iloc[0]
    rows = [{key: value if value != "" else None for key, value in row.items()} for row in _csv(path)]
    for row in rows:
        for key in ("ID", "ParentID", "Position"):
            row[key] = None if row[key] is None else int(float(row[key]))
    return rows


def _abroad(rows: list[Row], *columns: str) -> list[Row]:
    """The same rows of another municipality, which nobody asks for."""
    moved = [dict(row) for row in rows if "0484" in str(row[columns[0]])]
    for row in moved:
        for column in columns:
            row[column] = str(row[column]).replace("0484", "0999")
        for key in ("ID", "Id"):
            if key in row:
                row[key] = int(row[key]) + 1_000_000
    return moved


def kwb_v3(identifier: str = "84799NED") -> Table:
    """Kerncijfers wijken en buurten 2020, version 3, typed."""
    topics = {row["Key"]: row["Datatype"] for row in _properties() if row["Type"] == "Topic"}
    rows = []
    for cells in _csv(files("cbs_kwb", "typed")["path"].iloc[0]):
        row: Row = {"ID": int(cells["ID"]), "WijkenEnBuurten": cells["WijkenEnBuurten"].ljust(10)}
        for key, kind in topics.items():
            row[key] = cells[key] if kind == "String" else _number(cells[key])
        rows.append(row)
    regions = _csv(files("cbs_kwb", "regions")["path"].iloc[0])
    described = json.loads((OPEN_DATA / "cbs_kwb" / "kwb_2020_84799NED_TableInfos.json").read_text(encoding="utf-8"))
    return Table(
        V3,
        identifier,
        {},
        {
            "TableInfos": [{**described, "Identifier": identifier}],
            "DataProperties": deepcopy(_properties()),
            "WijkenEnBuurten": regions + _abroad(regions, "Key"),
            "TypedDataSet": rows + _abroad(rows, "WijkenEnBuurten"),
        },
    )


def kwb_v4(identifier: str = "84799NED") -> Table:
    """The same table in version 4: a row per figure."""
    source = kwb_v3()
    topics = [row for row in _properties() if row["Type"] == "Topic"]
    groups = [row for row in _properties() if row["Type"] == "TopicGroup"]
    identifiers = {row["Key"]: f"M{row['ID']:06d}" for row in topics}
    kinds = {row["Key"]: row["Datatype"] for row in topics}
    figures = []
    for row in source.sets["TypedDataSet"]:
        for key, measure in identifiers.items():
            text = row[key] if kinds[key] == "String" else None
            value = None if kinds[key] == "String" else row[key]
            attribute = "None" if text is not None or value is not None else ("Impossible", "Unknown")[len(figures) % 2]
            figures.append(
                {
                    "Id": len(figures),
                    "Measure": measure,
                    "ValueAttribute": attribute,
                    "Value": value,
                    "StringValue": text,
                    "WijkenEnBuurten": row["WijkenEnBuurten"],
                }
            )
    return Table(
        V4,
        identifier,
        {
            "@odata.context": f"https://odata4.cbs.nl/CBS/{identifier}/$metadata#Properties",
            "Identifier": identifier,
            "Modified": "2021-03-26T02:00:00+01:00",
            "ObservationCount": 2_000_000,
        },
        {
            "Dimensions": [{"Identifier": "WijkenEnBuurten", "Title": "Wijken en buurten", "Kind": "GeoDetail"}],
            "MeasureCodes": [
                {
                    "Identifier": identifiers[row["Key"]],
                    "Index": row["ID"],
                    "Title": row["Title"],
                    "Description": row["Description"],
                    "MeasureGroupId": f"G{row['ParentID']}",
                    "DataType": row["Datatype"],
                    "Unit": row["Unit"],
                }
                for row in topics
            ],
            "MeasureGroups": [
                {
                    "Id": f"G{row['ID']}",
                    "ParentId": None if row["ParentID"] is None else f"G{row['ParentID']}",
                    "Title": row["Title"],
                }
                for row in groups
            ],
            "WijkenEnBuurtenCodes": [
                {"Identifier": row["Key"], "Title": row["Title"], "DimensionGroupId": "GM0484"}
                for row in source.sets["WijkenEnBuurten"]
            ],
            "Observations": figures,
        },
    )


def health(identifier: str = "50090NED", *, whole: bool = False) -> Table:
    """Gezondheid per wijk en buurt, version 3, untyped, with bounds of some estimates as further rows.

    The adults of 2020, or all years and age groups.
    """
    rows: list[Row] = []
    for path in files("ggd_gezondheid", "untyped")["path"]:
        if not (whole or path.name.endswith("2020_18plus_untyped.csv")):
            continue
        rows += [{**cells, "ID": len(rows) + at} for at, cells in enumerate(_csv(path))]
    for row in rows:
        row.update({key: None for key, cell in row.items() if cell == ""})
    bounds = [{**row, "ID": row["ID"] + 100_000, "Marges": "MOG0095"} for row in rows[:20]]
    regions = _csv(files("cbs_kwb", "regions")["path"].iloc[0])
    keys = ("Leeftijd", "Marges", "WijkenEnBuurten", "Perioden")
    kinds = dict(zip(keys, ("Dimension", "Dimension", "GeoDetail", "TimeDimension"), strict=True))
    measures = {column: None for row in rows for column in row if stem(column) != column}
    properties = [{"ID": at, "ParentID": None, "Type": kinds[key], "Key": key} for at, key in enumerate(keys)]
    properties += [
        {"ID": 10 + at, "ParentID": None, "Type": "Topic", "Key": key, "Title": stem(key), "Unit": "%"}
        for at, key in enumerate(measures)
    ]
    rows = [{**dict.fromkeys(measures), **row} for row in rows + bounds]
    return Table(
        THIRD_PARTIES,
        identifier,
        {},
        {
            "TableInfos": [{"Identifier": identifier, "Modified": "2022-06-14T02:00:00"}],
            "DataProperties": properties,
            "WijkenEnBuurten": [{"Key": "NL01      ", "Title": "Nederland"}, *regions],
            "UntypedDataSet": rows + _abroad(rows[:30], "WijkenEnBuurten"),
        },
    )
