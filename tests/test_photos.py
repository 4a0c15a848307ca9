"""A photo through the web as it is put together, to where an adapter finds it (M32)."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from bootstrap import House
from bootstrap.web import create_app
from commands.residents.pictures import as_kept
from config import Database
from domain.faces import known_by
from tests.builders import ANN, a_photo
from tests.running_server import RunningServer
from tests.test_bootstrap import a_config, a_house, send, token, told


@pytest.fixture
def web(database: Database, pg_server: RunningServer, tmp_path: Path) -> Iterator[FlaskClient]:
    app = create_app(a_config(database, pg_server, tmp_path))
    yield app.test_client()
    app.extensions["house"].close()


def test_m32_a_photo_is_posted_in_base64_and_kept_where_a_phone_finds_it(web: FlaskClient) -> None:
    installer = token(web, "installer")
    a_house(web, installer)
    photo = b64encode(a_photo()).decode()
    answer = send(web, installer, "enroll-face", key=9, resident=str(ANN), photo=photo)
    assert (answer.status_code, told(answer)["events"]) == (202, 1), answer.text
    again = send(web, installer, "enroll-face", key=9, resident=str(ANN), photo=photo)
    assert told(again) == told(answer)
    house: House = web.application.extensions["house"]
    kept = house.log.photos.get(ANN, known_by(as_kept(a_photo())))
    assert kept == as_kept(a_photo())
    secret = b64encode(b"no picture, but a secret").decode()
    for bad, why in ((secret, "not a JPEG"), ("%%%", "Not base64"), (photo[:-4000], "not a whole")):
        refused = send(web, installer, "enroll-face", resident=str(ANN), photo=bad)
        assert (refused.status_code, why in refused.text) == (422, True), refused.text
        assert bad not in refused.text
