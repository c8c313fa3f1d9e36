"""Reading open data over OData: requests that are repeated, pages that are followed, faults that become one error.

Belongs here: what versions 3 and 4 of the protocol share, and how the servers of CBS misbehave. Does not belong here:
what a table of CBS consists of (``statline.py``), or what its columns mean (the module of the monitor).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import exceptions as faults
from urllib3.util.retry import Retry

# Version 4 has no catalogue of third parties.
CATALOGUES = {
    "cbs_v3": "https://opendata.cbs.nl/ODataFeed/OData",
    "dataderden_v3": "https://dataderden.cbs.nl/ODataFeed/OData",
    "cbs_v4": "https://odata4.cbs.nl/CBS",
}

_REPEATED = (429, 500, 502, 503, 504)
_NOT_CONNECTED = (faults.NewConnectionError, faults.ConnectTimeoutError, faults.ProxyError, faults.SSLError)
_NEXT = ("odata.nextLink", "@odata.nextLink")
_CHUNK = 1 << 16
# A page of 10,000 rows of a hundred columns is some 30 MB; what is much larger is not a page.
_LARGEST_PAGE = 256 << 20
_LONGEST_URL = 1_800
_LONGEST_WORDS = 200
_ASK_LATER = "try again later; the figures that are already there keep serving"
_TELL = "look at the table in a browser and tell a developer"


class ODataError(RuntimeError):
    """A table could not be read.

    Attributes:
        what: what happened.
        where: the address, without the question.
        advice: what to do.
        is_offline: whether there was no connection at all.
    """

    def __init__(self, what: str, where: str, advice: str = _TELL, *, is_offline: bool = False) -> None:
        super().__init__(f"{what} ({_without_query(where)}): {advice}")
        self.what = what
        self.where = _without_query(where)
        self.advice = advice
        self.is_offline = is_offline


class _BrokenError(Exception):
    """An answer that may be whole the next time."""


class ODataClient:
    """Reads documents and pages, and repeats what fails for a moment.

    Args:
        base: address that stands before the host of each catalogue, for a mirror or a test; the public hosts when None.
        connect_seconds, read_seconds: how long to wait for a connection, and for each next piece of an answer.
        table_seconds: how long one table may take, waiting included.
        repeats: how often a request is repeated.
        pause_seconds: first pause before a repetition; it doubles each time.
        longest_pause_seconds: longest pause, also when the server asks for more.
    """

    def __init__(
        self,
        base: str | None = None,
        *,
        connect_seconds: float = 10,
        read_seconds: float = 60,
        table_seconds: float = 900,
        repeats: int = 4,
        pause_seconds: float = 1,
        longest_pause_seconds: int = 60,
    ) -> None:
        self._base = base.rstrip("/") if base else None
        self._timeouts = (connect_seconds, read_seconds)
        self._table_seconds = table_seconds
        self._deadline = time.monotonic() + table_seconds
        self._offline: set[str] = set()
        self._retry = Retry(
            total=repeats,
            # who has no connection now has none in a minute
            connect=min(repeats, 1),
            backoff_factor=pause_seconds,
            backoff_max=longest_pause_seconds,
            status_forcelist=_REPEATED,
            allowed_methods=("GET",),
            raise_on_status=False,
            retry_after_max=longest_pause_seconds,
        )
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": _user_agent(), "Accept": "application/json"})
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=self._retry))

    def __enter__(self) -> ODataClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def root(self, catalogue: str, table_id: str) -> str:
        """The address of a table.

        Raises:
            LookupError: for a catalogue that is not known.
        """
        if catalogue not in CATALOGUES:
            raise LookupError(f"unknown catalogue {catalogue!r}; expected one of {', '.join(CATALOGUES)}")
        public = CATALOGUES[catalogue]
        address = f"{self._base}/{public.removeprefix('https://')}" if self._base else public
        return f"{address}/{table_id}"

    def start_table(self) -> None:
        """Start the clock of a table."""
        self._deadline = time.monotonic() + self._table_seconds

    def document(self, url: str) -> dict[str, Any]:
        """Read one JSON document. Numbers stay the text that the source wrote.

        Raises:
            ODataError: when it cannot be read.
        """
        found = self._read(url)
        if not isinstance(found, dict):
            raise ODataError("the answer is JSON of another form than OData", url)
        return found

    def rows(self, url: str, key: str | None = None) -> Iterator[dict[str, Any]]:
        """Read all rows behind an address, page after page.

        Args:
            url: the first page; the next ones are followed exactly as the server names them.
            key: column that numbers the rows; the same row on two pages is given once.

        Raises:
            ODataError: when a page cannot be read, leads back to an earlier one or to another host, or when one number
                stands for two different rows.
        """
        pages, known, page = {url}, {}, url
        while page:
            content = self.document(page)
            rows = content.get("value")
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise ODataError("the answer has no list of rows", page)
            for row in rows:
                number = row.get(key) if key else None
                if number is None:
                    yield row
                elif number not in known:
                    known[number] = hash(tuple(row.items()))
                    yield row
                elif known[number] != hash(tuple(row.items())):
                    raise ODataError("two different rows have the same number", page, _ASK_LATER)
            page = self._next(content, page, pages)

    def count(self, url: str) -> int | None:
        """Ask for a number of rows; None when the server does not answer that question."""
        try:
            text = str(self._read(url)).strip()
        except ODataError as error:
            if error.is_offline:
                raise
            return None
        return int(text) if text.isdecimal() else None

    def _next(self, content: dict[str, Any], page: str, pages: set[str]) -> str | None:
        given = next((content[name] for name in _NEXT if content.get(name)), None)
        if given is None:
            return None
        following = urljoin(page, str(given))
        if _origin(following) != _origin(page):
            raise ODataError(f"the next page lies on another host, {_origin(following)[1]}", page)
        if following in pages:
            raise ODataError("the next page leads back to an earlier one", page)
        pages.add(following)
        return following

    def _read(self, url: str) -> Any:
        """What an answer holds; an answer that arrives broken is asked for again."""
        retry = self._retry
        while True:
            try:
                return self._read_once(url)
            except _BrokenError as error:
                try:
                    retry = retry.increment("GET", url, error=faults.ProtocolError(str(error)))
                except faults.MaxRetryError:
                    raise ODataError(str(error), url, _ASK_LATER) from None
                self._check_time(url)
                retry.sleep()

    def _read_once(self, url: str) -> Any:
        host = urlsplit(url).netloc
        if host in self._offline:
            raise _no_connection(url)
        self._check_time(url)
        try:
            # the session repeats what fails before an answer begins: connections, states that pass, Retry-After
            with self._session.get(url, timeout=self._timeouts, stream=True, allow_redirects=False) as response:
                if response.is_redirect:
                    target = _origin(urljoin(url, response.headers["Location"]))[1]
                    raise ODataError(f"the server points to another address, at {target}", url)
                body = self._body(response, url)
        except (faults.ProtocolError, faults.DecodeError):
            raise _BrokenError("the answer was cut off") from None
        except (requests.RequestException, faults.HTTPError) as error:
            reason = _reason(error)
            if isinstance(reason, _NOT_CONNECTED):
                self._offline.add(host)
                raise _no_connection(url) from None
            if isinstance(reason, faults.TimeoutError):
                raise ODataError("the server does not answer in time", url, _ASK_LATER) from None
            raise ODataError(f"the request failed ({type(reason).__name__})", url, _ASK_LATER) from None
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise _refusal(response.status_code, body, url)
        if "html" in response.headers.get("Content-Type", "") or body.lstrip()[:1] == b"<":
            raise _BrokenError("the server answers with a web page instead of data")
        try:
            # numbers stay the text that the source wrote
            found = json.loads(body.decode("utf-8-sig"), parse_float=str, parse_int=str)
        except ValueError:
            raise _BrokenError("the answer is not whole JSON") from None
        if words := _error_words(found):
            raise ODataError(f"the server refuses: {words}", url)
        return found

    def _body(self, response: requests.Response, url: str) -> bytes:
        """The whole body, read in pieces so that neither its size nor its slowness is without bounds."""
        parts, size = [], 0
        # read1 gives what is there; requests' own pieces wait until they are full, however slowly they fill
        while part := response.raw.read1(_CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > _LARGEST_PAGE:
                raise ODataError("a page is larger than any table of this kind", url)
            self._check_time(url)
        return b"".join(parts)

    def _check_time(self, url: str) -> None:
        if time.monotonic() > self._deadline:
            raise ODataError(f"the table takes longer than {self._table_seconds:.0f} seconds", url, _ASK_LATER)


def any_of(column: str, beginnings: list[str]) -> list[str]:
    """Conditions for rows of which a column begins with one of these texts, each short enough for a URL.

    ``startswith`` does not depend on the width to which a table pads its keys; equality does, and finds nothing then.

    Args:
        column: name of the column.
        beginnings: first characters.

    Returns:
        One or more conditions; together they cover all beginnings.
    """
    filters: list[list[str]] = [[]]
    for beginning in beginnings:
        term = f"startswith({column},'{beginning.replace(chr(39), chr(39) * 2)}')"
        if filters[-1] and len(quote(" or ".join([*filters[-1], term]))) > _LONGEST_URL:
            filters.append([])
        filters[-1].append(term)
    return [" or ".join(terms) for terms in filters]


def question(**options: str) -> str:
    """The question of a URL: OData options without their ``$``, in order."""
    return "?" + "&".join(f"${name}={quote(value, safe='(),' + chr(39))}" for name, value in options.items())


def _error_words(found: Any) -> str | None:
    """What an error of version 3 (``odata.error``) or 4 (``error``) says."""
    if not isinstance(found, dict):
        return None
    error = found.get("odata.error") or (found.get("error") if "value" not in found else None)
    if not error:
        return None
    message = error.get("message") if isinstance(error, dict) else error
    words = message.get("value") if isinstance(message, dict) else message
    return " ".join(re.sub(r"<[^>]*>", " ", str(words or "no reason given")).split())[:_LONGEST_WORDS]


def _refusal(status: int, body: bytes, url: str) -> ODataError:
    try:
        words = _error_words(json.loads(body.decode("utf-8-sig")))
    except ValueError:
        words = None
    if status == HTTPStatus.NOT_FOUND:
        return ODataError("the table is not there", url, "look up its number and correct seeds/monitor_tables.csv")
    advice = _ASK_LATER if status in _REPEATED else _TELL
    return ODataError(f"the server answers {status}{f': {words}' if words else ''}", url, advice)


def _reason(error: Exception) -> object:
    """What lies behind an error of requests: urllib3's own, without the wrapping of the repetitions."""
    cause = error.args[0] if isinstance(error, requests.RequestException) and error.args else error
    return cause.reason if isinstance(cause, faults.MaxRetryError) else cause


def _no_connection(url: str) -> ODataError:
    return ODataError(f"no connection to {urlsplit(url).hostname}", url, _ASK_LATER, is_offline=True)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _without_query(url: str) -> str:
    return url.partition("?")[0]


def _user_agent() -> str:
    try:
        number = version("effectmonitor")
    except PackageNotFoundError:
        number = "0"
    return f"effectmonitor/{number} (python-requests)"
