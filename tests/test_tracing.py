"""A change is followed from the request to the stream by one trace, its command (ADR 16)."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bootstrap import House
from bootstrap.web import create_app
from config import Database
from eventlog.bus import headers_of
from tests.builders import HARBOUR
from tests.running_server import RunningServer
from tests.test_bootstrap import a_config, token

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
PATH = f"/api/v1/communities/{HARBOUR}/commands/create-community"


@pytest.fixture
def web(database: Database, pg_server: RunningServer, tmp_path: Path) -> Iterator[FlaskClient]:
    app = create_app(a_config(database, pg_server, tmp_path))
    yield app.test_client()
    app.extensions["house"].close()


def said_of(web: FlaskClient, traceparent: str) -> EventDict:
    """What is told of a command that came with this header."""
    headers = {"Authorization": f"Bearer {token(web, 'installer')}", "traceparent": traceparent}
    body = {"name": "Harbour Quarter", "zone": "Europe/Lisbon"}
    with capture_logs([merge_contextvars]) as told:
        assert web.post(PATH, json=body, headers=headers).status_code == 202
    [line] = [said for said in told if said["event"] == "accepted"]
    return line


def test_the_callers_trace_leads_to_the_commands_and_that_one_to_the_stream(
    web: FlaskClient,
) -> None:
    line = said_of(web, f"00-{CALLER}-00f067aa0ba902b7-01")
    assert line["caller_trace_id"] == CALLER
    house: House = web.application.extensions["house"]
    last = house.log.raw(after=house.log.head() - 1)[-1]
    trace = UUID(line["command_id"]).hex
    assert headers_of(last)["traceparent"] == f"00-{trace}-{last.position:016x}-01".encode()
    assert CALLER not in str(last)


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{CALLER}-{'0' * 16}-01",
        f"ff-{CALLER}-00f067aa0ba902b7-01",
        f"00-{CALLER.upper()}-00f067aa0ba902b7-01",
        f"00-{CALLER}-00f067aa0ba902b7-01-2468",
        "2468" * 100,
    ],
)
def test_s12_what_is_no_trace_is_told_nowhere(web: FlaskClient, malformed: str) -> None:
    said_of(web, f"00-{CALLER}-00f067aa0ba902b7-01")  # nor is that of the request before
    line = said_of(web, malformed)
    assert line["command_id"]
    assert "caller_trace_id" not in line
