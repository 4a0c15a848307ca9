"""The `sim` commands, as a newcomer uses them."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import httpx
import pytest
from click.testing import CliRunner, Result

from device_adapters.locks.gateway import Gateway, SimLock
from device_adapters.locks.served import served as serving
from device_adapters.simulator import storage
from device_adapters.simulator.cli import sim
from device_adapters.simulator.control import ACTS
from device_adapters.simulator.faults import STANDING
from device_adapters.simulator.fleet import Fleet
from device_adapters.simulator.people import visit
from device_adapters.simulator.storage import Unreadable
from tests.device_adapters.simulator.phones import a_phone, a_user, with_users
from tests.device_adapters.simulator.wire import eventually

PROGRAM = "from device_adapters.simulator.cli import sim; sim()"

WATCHED = {
    "Enable": "1",
    "AlarmTriggered": "http://127.0.0.1:1/tamper",
    "InputAlarm": "http://127.0.0.1:1/fire",
    "AlarmDoorOpenedTimeoutB": "http://127.0.0.1:1/held",
}


def run(*words: str) -> Result:
    return CliRunner().invoke(sim, list(words))


@contextmanager
def served(*words: str, **environment: str) -> Iterator[list[tuple[str, str]]]:
    """The lines that `sim serve` prints, while it runs; it ends well on SIGTERM."""
    command = [sys.executable, "-c", PROGRAM, "serve", "--port", "0", *words]
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        assert process.stdout
        count = int(words[1].partition(":")[2] or 1)
        lines = [process.stdout.readline().split() for _ in range(count)]
        try:
            yield [(model, url) for model, url in lines]
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0


@pytest.fixture
def a_web() -> Iterator[str]:
    """It answers 404 in JSON."""
    with serving(Gateway([SimLock("itec", "L1")], None), 0) as server:
        yield server.url.removeprefix("http://")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Fleet(["X916"]) as fleet:
        fleet[0].fault("local_edit", op="add", row=a_user(PrivatePIN="2468", CardCode="AB12"))
        yield fleet[0].url


def test_s24_serve_keeps_the_memory_over_a_restart(tmp_path: Path) -> None:
    words = ("--model", "X916:2", "--data", str(tmp_path))
    with served(*words) as first:
        assert [model for model, _ in first] == ["X916", "X916"]
        edit = {"name": "local_edit", "op": "add", "row": a_user(PrivatePIN="2468")}
        httpx.post(f"{first[1][1]}/sim/fault", json=edit, trust_env=False)
        assert run("punch", first[1][1], "2468").output == "door opened: relay A\n"
    with served(*words) as second:
        states = [json.loads(run("state", address).output) for _, address in second]
    assert [len(state["users"]) for state in states] == [0, 1]
    assert [row["ID"] for row in states[1]["doorlog"]] == ["1"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_s4_serve_takes_the_password_from_the_environment() -> None:
    words = ("--model", "E18:1", "--auth", "digest", "--user", "gate")
    with served(*words, GATEHOUSE_SIM_PASSWORD="a-secret") as [(_, address)]:
        auth = httpx.DigestAuth("gate", "a-secret")
        answer = httpx.get(f"{address}/api/system/info", auth=auth, trust_env=False)
        assert answer.status_code == 200


def test_serve_lets_people_come() -> None:
    with served("--model", "X916:1", "--people", "0.01") as [(_, address)]:
        assert eventually(lambda: json.loads(run("state", address).output)["doorlog"])


def test_s20_serve_lets_trouble_come() -> None:
    with served("--model", "X916:1", "--trouble", "0.02") as [(_, address)]:
        assert eventually(lambda: run("fault", address).output not in ("", "faults: {}\n"), 10)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--auth", "digest", "--user", "gate"), "digest needs a user and a password"),
        (("--model", "Z80"), "no model Z80"),
        (("--model", "X916:many"), "many of X916 are no phones: say a number, as X916:6"),
        (("--model", "X916:0"), "0 of X916 are no phones"),
        (("--count", "-3"), "-3 of X916 are no phones"),
    ],
)
def test_s4_serve_refuses_what_makes_no_fleet(words: tuple[str, ...], said: str) -> None:
    answer = run("serve", *words)
    assert answer.exit_code == 2
    assert said in answer.output


def test_punch_and_swipe_say_what_happened(url: str) -> None:
    for words, said, status in (
        (("punch", url, "2468"), "door opened: relay A\n", 0),
        (("punch", url.removeprefix("http://"), "1111"), "refused: unknown code\n", 1),
        (("swipe", url + "/", "ab12"), "door opened: relay A\n", 0),
        (("swipe", url, "ff"), "refused: unknown code\n", 1),
    ):
        answer = run(*words)
        assert (answer.output, answer.exit_code) == (said, status)


def test_s18_alarms_are_told_or_nobody_is_there_to_be_told(url: str) -> None:
    assert run("tamper", url).exit_code == 1
    wanted = {f"Config.Features.ACTIONURL.{k}": v for k, v in WATCHED.items()}
    body = {"target": "config", "action": "set", "data": wanted}
    httpx.post(f"{url}/api", json=body, trust_env=False).raise_for_status()
    for words, said in (
        (("tamper", url), "tamper: told at its event URL\n"),
        (("alarm", url), "emergency: told at its event URL\n"),
        (("alarm", url, "door_held", "--relay", "2"), "door_held: told at its event URL\n"),
    ):
        answer = run(*words)
        assert (answer.output, answer.exit_code) == (said, 0)
    called = json.loads(run("state", url).output)["urls_called"]
    assert [each.rpartition("/")[2] for each in called[-3:]] == ["tamper", "fire", "held"]
    assert "relay is 1 to 4" in run("alarm", url, "break_in", "--relay", "9").output


def test_s18_a_door_is_moved_and_motion_is_seen(url: str) -> None:
    assert run("door", url, "open", "--relay", "3").output == "door open\n"
    assert json.loads(run("state", url).output)["doors"]["3"] is True
    assert run("door", url, "shut", "--relay", "3").output == "door shut\n"
    where = "Config.Features.ACTIONURL."
    data = {f"{where}Enable": "1", f"{where}BreakInAlarmC": "http://127.0.0.1:1/forced"}
    body = {"target": "config", "action": "set", "data": data}
    httpx.post(f"{url}/api", json=body, trust_env=False).raise_for_status()
    assert (
        run("door", url, "open", "--relay", "3").output
        == "door open: break-in told at its event URL\n"
    )
    run("door", url, "shut", "--relay", "3")
    assert "no syslog server" in run("alarm", url, "motion").output


def test_s21_real_time_is_a_flag() -> None:
    with served("--model", "X916:1", "--real-time") as [(_, address)]:
        assert run("fault", address).output == 'faults: {"ms_per_user": 132.0, "pause": 0.25}\n'


def test_s18_an_input_is_an_exit_button_or_anything_else_that_closes_it(url: str) -> None:
    assert run("press", url).output == "input 1: input is off\n"
    body = {
        "target": "config",
        "action": "set",
        "data": {"Config.DoorSetting.INPUT.InputEnable": "1"},
    }
    httpx.post(f"{url}/api", json=body, trust_env=False).raise_for_status()
    assert run("press", url, "1").output == "input 1: opens relay A\n"
    answer = run("press", url, "5")
    assert (answer.exit_code, "input is 1 to 4" in answer.output) == (1, True)


def test_s18_m99_a_contact_at_an_input_stays_as_it_is_left(url: str) -> None:
    def inputs() -> dict[str, int]:
        found: dict[str, int] = httpx.get(f"{url}/api/input/status", trust_env=False).json()["data"]
        return found

    assert run("contact", url, "2", "closed").output == "input 2 closed\n"
    assert (inputs()["InputB"], inputs()["InputC"]) == (1, 0)
    where = "Config.Features.ACTIONURL."
    data = {f"{where}Enable": "1", f"{where}InputBClosed": "http://127.0.0.1:1/opened"}
    body = {"target": "config", "action": "set", "data": data}
    httpx.post(f"{url}/api", json=body, trust_env=False).raise_for_status()
    assert run("contact", url, "2", "open").output == "input 2 open: told at its event URL\n"
    assert inputs()["InputB"] == 0
    answer = run("contact", url, "5", "open")
    assert (answer.exit_code, "input is 1 to 4" in answer.output) == (1, True)


def test_s20_faults_are_listed_set_and_cleared(url: str) -> None:
    assert run("fault", url, "latency", "ms=5").output == 'faults: {"latency": 5}\n'
    assert run("fault", url, "latency", "off").output == "faults: {}\n"
    assert run("fault", url, "hang").output == 'faults: {"hang": true}\n'
    assert (
        run("fault", url).output == run("fault", url, "list").output == 'faults: {"hang": true}\n'
    )
    assert run("fault", url, "clear").output == "faults: {}\n"
    row = ("op=add", "user_id=7", "row.UserID=007", "row.Name=Eve")
    assert run("fault", url, "local_edit", *row).exit_code == 0
    assert json.loads(run("state", url).output)["users"][-1]["UserID"] == "007"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fault", "DEVICE", "rain"), "no fault 'rain'"),
        (("fault", "DEVICE", "latency", "fast"), "neither KEY=VALUE nor off"),
        (("fault", "DEVICE", "latency", "seconds=1"), "latency takes ms"),
        (("punch", "nowhere", "1"), "neither http://HOST:PORT nor HOST:PORT"),
        (("punch", "127.0.0.1:1", "1"), "no simulated phone answers at 127.0.0.1:1"),
        (("locks", "--lock", "itec:A", "--port", "99999"), "Error: bind(): port must be 0-65535"),
        (("serve", "--port", "-4"), "Error: bind(): port must be 0-65535"),
    ],
)
def test_mistakes_are_explained(url: str, words: tuple[str, ...], said: str) -> None:
    answer = run(*(url if word == "DEVICE" else word for word in words))
    assert answer.exit_code != 0
    assert said in answer.output


def test_a_server_that_is_no_phone_is_called_none(a_web: str) -> None:
    answer = run("punch", a_web, "2468")
    assert (answer.exit_code, answer.output) == (
        1,
        f"Error: no simulated phone answers at {a_web}\n",
    )


def test_s20_every_command_has_help_and_every_fault_stands_in_it() -> None:
    for command in sim.commands:
        assert re.search(r"\n  \S.{20,}", run(command, "--help").output), command
    said = run("fault", "--help").output
    for name in (*STANDING, *ACTS):
        assert re.search(rf"\b{name}\b", said), name
    for fault in STANDING.values():
        assert fault.what in said


def test_people_come_mostly_with_good_codes_and_at_times_with_bad_ones() -> None:
    phones = [
        with_users(a_phone(), a_user(PrivatePIN="2468")),
        with_users(a_phone("E12W"), a_user(CardCode="AB12;CD34")),
        a_phone(),
    ]
    for _ in range(300):
        visit(phones, Random(_))
    statuses = [[row["Status"] for row in phone.doors.ring] for phone in phones]
    assert 0 < statuses[0].count("Failed") < statuses[0].count("Succ")
    assert statuses[1].count("Succ") > 50
    assert set(statuses[2]) == {"Failed"}


def test_people_type_their_apartment_where_the_phone_wants_it() -> None:
    phone = with_users(a_phone(), a_user(PrivatePIN="2468", Room="101"))
    phone.config.values["Config.DoorSetting.PASSWORD.PinMode"] = "1"
    for seed in range(20):
        visit([phone], Random(seed))
    assert "101#2468" in {row["Code"] for row in phone.doors.ring if row["Status"] == "Succ"}


def test_a_broken_memory_is_said_and_kept(tmp_path: Path) -> None:
    phone = with_users(a_phone(), a_user())
    storage.keep(tmp_path, "X916", phone.dump())
    again = a_phone()
    storage.recall(tmp_path, again)
    assert again.dump() == phone.dump()
    [path] = tmp_path.iterdir()
    path.write_text("{")
    with pytest.raises(Unreadable, match="move it away"):
        storage.recall(tmp_path, a_phone())
    assert path.exists()
