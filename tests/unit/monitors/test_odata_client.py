"""The client against a server that misbehaves as the real ones do, on a real socket."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import odata_server
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.monitors.odata import ODataClient, ODataError, any_of, question

REGIONS = "WijkenEnBuurten"


@pytest.fixture(scope="module")
def one_server() -> Iterator[odata_server.ODataServer]:
    with odata_server.running() as server:
        server.add(odata_server.kwb_v3())
        server.add(odata_server.kwb_v4())
        yield server


@pytest.fixture
def server(one_server):
    one_server.requests.clear()
    one_server.faults.clear()
    return one_server


@pytest.fixture
def client(server) -> Iterator[ODataClient]:
    with a_client(server.url) as client:
        yield client


def a_client(url: str, **settings: float) -> ODataClient:
    short = {"connect_seconds": 1, "read_seconds": 0.3, "repeats": 2, "pause_seconds": 0.01, "longest_pause_seconds": 1}
    return ODataClient(url, **(short | settings))


def regions(client: ODataClient, catalogue: str = "cbs_v3") -> str:
    root = client.root(catalogue, "84799NED")
    if catalogue == "cbs_v4":
        return f"{root}/{REGIONS}Codes{question(filter=any_of('Identifier', ['GM0484', 'WK0484', 'BU0484'])[0])}"
    condition = any_of("Key", ["GM0484", "WK0484", "BU0484"])[0]
    return f"{root}/{REGIONS}{question(format='json', filter=condition)}"


@pytest.mark.parametrize("catalogue", ["cbs_v3", "cbs_v4"])
def test_pages_are_followed_exactly_as_the_server_names_them(client, server, catalogue):
    rows = list(client.rows(regions(client, catalogue)))
    assert len(rows) == 117
    asked = server.asked(REGIONS)
    assert [path.partition("&$skip=")[2] for path in asked] == ["", "50", "100"]
    assert {path.partition("&$skip=")[0] for path in asked} == {asked[0]}


def test_the_public_hosts_are_the_default_and_a_mirror_stands_before_them():
    with ODataClient() as client:
        assert client.root("cbs_v3", "84799NED") == "https://opendata.cbs.nl/ODataFeed/OData/84799NED"
        assert client.root("dataderden_v3", "50120NED").startswith("https://dataderden.cbs.nl/")
        assert client.root("cbs_v4", "84799NED") == "https://odata4.cbs.nl/CBS/84799NED"
        with pytest.raises(LookupError, match="unknown catalogue 'x'"):
            client.root("x", "84799NED")
    with ODataClient("https://spiegel.example/cbs/") as mirrored:
        assert mirrored.root("cbs_v4", "T") == "https://spiegel.example/cbs/odata4.cbs.nl/CBS/T"


def test_the_client_says_who_it_is(client, server):
    client.document(client.root("cbs_v4", "84799NED") + "/Properties")
    assert server.agents[-1].startswith("effectmonitor/")


@pytest.mark.parametrize("fault", ["500", "429", "cut", "html", "html as json", "not whole", "hang"])
@pytest.mark.parametrize("page", ["$filter", "$skip=50"])
def test_what_fails_for_a_moment_is_asked_again(client, server, fault, page):
    server.fail(page, fault, times=1 if fault == "429" else 2)
    started = time.monotonic()
    rows = list(client.rows(regions(client)))
    assert len({row["Key"] for row in rows}) == len(rows) == 117
    if fault == "429":
        # as long as the server asks
        assert time.monotonic() - started >= 1


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("500", "the server answers 500: query returns more than 10000 records"),
        ("403", "the server answers 403"),
        ("cut", "the answer was cut off"),
        ("html", "the server answers with a web page instead of data"),
        ("html as json", "the server answers with a web page instead of data"),
        ("not whole", "the answer is not whole JSON"),
        ("hang", "the server does not answer in time"),
        ("error", "the server refuses: The query is not valid"),
        ("a list", "the answer is JSON of another form than OData"),
        ("loop", "the next page leads back to an earlier one"),
        ("other host", "the next page lies on another host, localhost:9"),
        ("moved", "the server points to another address, at localhost:"),
    ],
)
@pytest.mark.parametrize("catalogue", ["cbs_v3", "cbs_v4"])
def test_what_keeps_failing_is_one_error_that_says_what_where_and_what_to_do(client, server, catalogue, fault, what):
    server.fail(REGIONS, fault, times=99)
    with pytest.raises(ODataError) as raised:
        list(client.rows(regions(client, catalogue)))
    error = raised.value
    assert error.what.startswith(what)
    assert error.where.startswith(client.root(catalogue, "84799NED"))
    assert "?" not in error.where and "filter" not in str(error)
    assert error.advice and not error.is_offline
    assert str(error) == f"{error.what} ({error.where}): {error.advice}"
    assert len(server.requests) <= 3 + (fault == "loop")


def test_a_table_that_is_not_there_says_where_its_number_is_kept(client):
    with pytest.raises(ODataError, match=r"the table is not there .*/99999NED/TableInfos\): .*monitor_tables\.csv"):
        list(client.rows(client.root("cbs_v3", "99999NED") + "/TableInfos?$format=json"))


def test_a_server_that_asks_for_an_hour_does_not_get_it(server):
    server.fail(REGIONS, "429 for an hour", times=99)
    started = time.monotonic()
    with a_client(server.url, repeats=1) as client, pytest.raises(ODataError, match="the server answers 429"):
        list(client.rows(regions(client)))
    assert time.monotonic() - started < 5


def test_a_table_does_not_take_longer_than_it_may(server):
    server.fail(REGIONS, "drip", times=99)
    with a_client(server.url, table_seconds=0.3) as client:
        client.start_table()
        with pytest.raises(ODataError, match="the table takes longer than 0 seconds"):
            list(client.rows(regions(client)))


def test_without_a_connection_the_second_table_does_not_wait():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with a_client(url) as client:
        for _ in range(2):
            with pytest.raises(ODataError, match=r"no connection to 127\.0\.0\.1") as raised:
                client.document(client.root("cbs_v4", "84799NED") + "/Properties")
            assert raised.value.is_offline
        with pytest.raises(ODataError):
            client.count(client.root("cbs_v4", "84799NED") + "/Observations/$count")
        assert client._offline == {url.removeprefix("http://")}


def test_a_row_on_two_pages_is_one_row_and_two_rows_with_one_number_are_refused(client, server):
    root = client.root("cbs_v3", "84799NED")
    url = f"{root}/TypedDataSet{question(format='json', filter=any_of(REGIONS, ['BU0484'])[0])}"
    server.fail("$skip", "double row")
    rows = list(client.rows(url, "ID"))
    assert len({row["ID"] for row in rows}) == len(rows) == 100
    server.fail("$skip", "changed row")
    with pytest.raises(ODataError, match="two different rows have the same number"):
        list(client.rows(url, "ID"))


def test_numbers_stay_the_text_that_the_source_wrote(client):
    root = client.root("cbs_v3", "84799NED")
    url = f"{root}/TypedDataSet{question(format='json', filter=any_of(REGIONS, ['GM0484'])[0])}"
    (row,) = client.rows(url)
    assert (row["AantalInwoners_5"], row["GemiddeldeHuishoudensgrootte_32"]) == ("111897", "2.3")
    assert row["WijkenEnBuurten"] == "GM0484    " and row["WmoClienten_89"] is None


def test_a_count_is_known_or_not(client, server):
    url = f"{client.root('cbs_v3', '84799NED')}/TypedDataSet/$count"
    assert client.count(url) == 234
    server.fail("$count", "403")
    assert client.count(url) is None
    assert client.count(client.root("cbs_v3", "84799NED") + "/Nothing/$count") is None


@given(st.lists(st.text(alphabet="GMWKBU0123456789'", min_size=1, max_size=10), min_size=1, max_size=400, unique=True))
def test_filters_are_short_enough_and_cover_everything(beginnings):
    filters = any_of("WijkenEnBuurten", beginnings)
    assert all(len(question(format="json", filter=condition)) < 2000 for condition in filters)
    terms = [term for condition in filters for term in condition.split(" or ")]
    doubled = [beginning.replace("'", "''") for beginning in beginnings]
    assert terms == [f"startswith(WijkenEnBuurten,'{text}')" for text in doubled]
    assert len(any_of("Key", ["GM0484", "WK0484", "BU0484"])) == 1
