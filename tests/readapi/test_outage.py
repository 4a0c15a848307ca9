"""The whole web, over a PostgreSQL that goes away for a while (K3), or has no read models yet."""

from pathlib import Path
from time import monotonic, sleep

from flask.testing import FlaskClient

from bootstrap import House
from bootstrap.web import create_app
from config import Database
from projections.settings import CommunitySettings
from tests.builders import ANN
from tests.conftest import migrate
from tests.running_server import RunningServer
from tests.test_bootstrap import HOME, a_config, a_house, send, token

AWAY = 4.0  # seconds; a pool that waits twice as long each time looks again after 7
AT_ONCE = 1.0


def test_k3_the_web_serves_as_soon_as_postgresql_is_back(
    own_server: RunningServer, tmp_path: Path
) -> None:
    database = Database.embedded(own_server.server, "postgres")
    migrate(database.owner)
    app = create_app(a_config(database, own_server, tmp_path))
    web = app.test_client()
    installer = token(web, "installer")
    a_house(web, installer)
    house: House = app.extensions["house"]
    house.runner.rebuild(CommunitySettings)
    own_server.stop()
    until = monotonic() + AWAY
    while monotonic() < until:
        assert both(web, installer) == {503}
        sleep(0.1)
    own_server.start()
    back = monotonic()
    while both(web, installer) != {202, 200} and monotonic() < back + 10:
        sleep(0.02)
    assert monotonic() < back + AT_ONCE
    house.close()


def test_a_read_model_whose_projector_has_not_begun_answers_503_and_then_serves(
    database: Database, pg_server: RunningServer, tmp_path: Path
) -> None:
    """At the very first start, and after an upgrade that brings a new one."""
    app = create_app(a_config(database, pg_server, tmp_path))
    web, house = app.test_client(), app.extensions["house"]
    installer = token(web, "installer")
    a_house(web, installer)
    asking = {"Authorization": f"Bearer {installer}"}
    early = web.get(f"{HOME}/settings", headers=asking)
    assert (early.status_code, early.headers["Retry-After"]) == (503, "1")
    assert "not built yet" in early.get_json()["detail"]
    house.runner.rebuild(CommunitySettings)
    assert web.get(f"{HOME}/settings", headers=asking).status_code == 200
    house.close()


def both(web: FlaskClient, token: str) -> set[int]:
    """What a command and a list are answered."""
    asked = web.get(f"{HOME}/settings", headers={"Authorization": f"Bearer {token}"})
    return {send(web, token, "revoke-pin", resident=str(ANN)).status_code, asked.status_code}
