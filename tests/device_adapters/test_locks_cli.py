"""`gatehouse sim locks`: a gateway to play with."""

import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from click.testing import CliRunner

from device_adapters.locks.cli import locks
from device_adapters.locks.gateway import Gateway, SimLock
from device_adapters.locks.served import Server, served
from tests.device_adapters.people import an_entry
from tests.device_adapters.wired_lock import SERIAL, connect

PASSWORD = {"GATEHOUSE_SIM_PASSWORD": "hush"}


@pytest.fixture
def server() -> Iterator[Server]:
    with served(Gateway([SimLock("itec", SERIAL)], ("house", "hush"))) as server:
        yield server


def sim(server: Server, what: str, **said: object) -> httpx.Response:
    return httpx.post(f"{server.url}/sim/{what}", json={"lock": SERIAL, **said}, trust_env=False)


def test_m107_somebody_stands_at_a_lock(server: Server) -> None:
    lock = connect(server)
    lock.put([an_entry(1, "2468")])
    assert sim(server, "present", kind="pin", code="2468").json() == {"opened": True}
    assert sim(server, "present", kind="pin", code="1357").json() == {"opened": False}
    told = sim(server, "state").json()[SERIAL]
    assert (told["brand"], told["people"]) == ("itec", 1)
    assert "2468" not in str(told)
    lock.close()


def test_a_lock_is_made_to_fail(server: Server) -> None:
    assert sim(server, "fault", name="reachable", value=False).json()["reachable"] is False
    lock = connect(server)
    with pytest.raises(Exception, match="does not reach the lock"):
        lock.status()
    lock.close()
    for what, said, status in (
        ("fault", {"name": "people", "value": 1}, 404),
        ("present", {}, 422),
        ("nothing", {}, 404),
    ):
        assert sim(server, what, **said).status_code == status
    garbage = httpx.post(f"{server.url}/sim/present", content=b"{", trust_env=False)
    assert garbage.status_code == 400


def test_it_says_where_it_answers_and_stops_when_told() -> None:
    command = [sys.executable, "-m", "cli", "sim", "locks", "--lock", "itec:L1", "--port", "0"]
    with subprocess.Popen(  # noqa: S603
        [*command, "--user", "house"],
        env=os.environ | PASSWORD,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        brand, serial, url = running.stdout.readline().split()
        assert (brand, serial) == ("itec", "L1")
        assert httpx.get(f"{url}/v1/locks/L1", trust_env=False).status_code == 401
        right = ("house", "hush")
        assert httpx.get(f"{url}/v1/locks/L1", auth=right, trust_env=False).json()["reachable"]
        running.terminate()
        assert running.wait(10) == 0


@pytest.mark.parametrize(
    ("given", "no"),
    [
        (["--lock", "yale:L1"], "is not BRAND:SERIAL"),
        (["--lock", "itec:"], "is not BRAND:SERIAL"),
        (["--lock", "itec:L1", "--user", "house"], "needs a password"),
    ],
)
def test_what_makes_no_sense_is_said(given: list[str], no: str) -> None:
    result = CliRunner().invoke(locks, given)
    assert result.exit_code == 2
    assert no in result.output
