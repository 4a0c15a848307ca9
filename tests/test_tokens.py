"""The life of an API token, from the terminal to the web and back: made, used, revoked."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from bootstrap import House, end_token, make_token
from bootstrap.web import create_app
from config import Database
from tests.builders import ANN, ELSEWHERE, HARBOUR
from tests.running_server import RunningServer
from tests.test_bootstrap import a_config, a_house, send, token


@pytest.fixture
def web(
    database: Database,
    pg_server: RunningServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FlaskClient]:
    """Where HARBOUR is; the commands at the terminal are over the same house."""
    app = create_app(a_config(database, pg_server, tmp_path))
    house: House = app.extensions["house"]

    @contextmanager
    def the_house() -> Iterator[House]:
        yield house

    monkeypatch.setattr("bootstrap.operations.the_house", the_house)
    web = app.test_client()
    a_house(web, token(web, "installer"))
    yield web
    house.close()


def asked(web: FlaskClient, made: str) -> int:
    return send(web, made, "revoke-pin", resident=str(ANN)).status_code


def test_s3_a_managers_token_opens_its_community_alone_until_it_is_revoked(
    web: FlaskClient,
) -> None:
    first = make_token("manager", "office", [HARBOUR])
    second = make_token("manager", "office", [HARBOUR])
    for made in (first, second):
        assert asked(web, made) == 202
        assert send(web, made, "revoke-pin", home=ELSEWHERE, resident=str(ANN)).status_code == 404
    assert end_token(f"{first}\n")
    assert asked(web, first) == 401
    assert asked(web, second) == 202
    assert not end_token(first)
    assert not end_token("guessed")


def test_the_same_account_made_anew_for_a_start_has_one_token(web: FlaskClient) -> None:
    before = make_token("installer", "up", (), replace=True)
    after = make_token("installer", "up", (), replace=True)
    assert asked(web, before) == 401
    assert asked(web, after) == 404  # let in, where HARBOUR is another installer's


def test_a_community_that_is_not_there_is_a_slip_and_makes_no_token(web: FlaskClient) -> None:
    head = web.application.extensions["house"].log.head()
    with pytest.raises(LookupError, match="no community has the id"):
        make_token("manager", "office", [HARBOUR, uuid4()])
    assert web.application.extensions["house"].log.head() == head
