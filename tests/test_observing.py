"""What a process says: lines of JSON that quote nobody."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bootstrap.metrics import Phones
from device_adapters.terms import Snapshot
from domain.devices import SyncState
from tests.builders import GATE, GYM

SNAPSHOT = Snapshot(
    device=GATE,
    online=True,
    failure=None,
    seen=0.1,
    waiting=5,
    revocations=2,
    waiting_for=9.0,
    suspended=1,
    clock_off=-3.0,
    strangers=4,
)

SPEAK = """
import logging, sys, structlog
import eventlog.kafka.client
from config import Unsafe
from observing import log_as
log_as("adapters")
log = structlog.get_logger()
log.info("accepted", command="IssuePin", position=7,
    command_id="00000000-0000-1000-8000-0000000007ab")
def fail(error):
    raise error
for error in (ValueError("PIN 2468 of Ann"), Unsafe("others may read the master key")):
    try:
        fail(error)
    except Exception:
        log.exception("lane")
        logging.getLogger("kafka").exception("asked for 2468: no")
logging.getLogger("kafka.cluster").info("metadata of 10.0.0.7")
logging.getLogger("httpx").info("GET http://10.0.0.7/api?password=2468")
logging.getLogger("kafka").warning("broker %s is away", 1)
"""

END = """
from threading import Thread
from observing import log_as
log_as("relay")
def fail():
    raise ValueError("PIN 2468 of Ann")
thread = Thread(target=fail)
thread.start()
thread.join()
fail()
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """Of a process of its own: logging is configured once for all."""
    command = [sys.executable, "-c", SPEAK]
    said = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603
    assert said.stderr == ""
    return [json.loads(line) for line in said.stdout.splitlines()]


def test_a_line_is_json_with_when_how_bad_who_and_what(lines: list[dict[str, Any]]) -> None:
    first = lines[0]
    assert list(first)[:4] == ["at", "level", "process", "event"]
    assert (first["level"], first["process"], first["event"]) == ("info", "adapters", "accepted")
    assert (first["command"], first["position"]) == ("IssuePin", 7)
    assert first["at"].endswith("Z")
    assert first["trace_id"] == "000000000000100080000000000007ab"
    assert "trace_id" not in lines[1]


def test_s12_a_failure_is_told_by_name_and_place_never_by_what_it_quotes(
    lines: list[dict[str, Any]],
) -> None:
    failures = [line for line in lines if line["event"] == "lane"]
    assert [one["error"] for one in failures] == [
        "ValueError",
        "Unsafe: others may read the master key",
    ]
    assert failures[0]["where"][-1].endswith(" fail")
    assert not any("Ann" in json.dumps(line) for line in lines)


def test_s12_what_ends_a_thread_or_a_process_is_told_by_name_and_place_too() -> None:
    command = [sys.executable, "-c", END]
    said = subprocess.run(command, capture_output=True, check=False, text=True)  # noqa: S603
    assert (said.returncode, said.stderr) == (1, "")
    ends = [json.loads(line) for line in said.stdout.splitlines()]
    assert [(end["event"], end["error"]) for end in ends] == [("ended", "ValueError")] * 2
    assert all(end["where"][-1].endswith(" fail") for end in ends)
    assert "2468" not in said.stdout


def test_libraries_speak_in_the_same_lines_from_a_warning_on(lines: list[dict[str, Any]]) -> None:
    assert lines[-1]["event"] == "broker 1 is away"
    assert lines[-1]["level"] == "warning"
    assert not any("10.0.0.7" in json.dumps(line) for line in lines)


def test_what_kafkas_client_says_without_end_is_told_once_a_minute() -> None:
    said = """
import logging
from observing import log_as
log_as("relay")
for n in range(50):
    logging.getLogger("kafka.net").warning("broker %s is away", n)
logging.getLogger("kafka.net").warning("another thing")
for n in range(2):
    logging.getLogger("urllib3").warning("retry %s", n)
"""
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, check=True, text=True)  # noqa: S603
    events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert events == ["broker 0 is away", "another thing", "retry 0", "retry 1"]


def test_phones_are_told_by_state_and_what_waits_for_them() -> None:
    states: Mapping[SyncState, int] = {"verified": 5, "mismatch": 1}
    away = replace(
        SNAPSHOT, device=GYM, online=False, revocations=0, waiting_for=70.0, clock_off=None
    )
    new = replace(away, online=None, states=states, strangers=0, suspended=0, waiting=0)
    told = {
        (sample.name.removeprefix("gatehouse_"), *sample.labels.values()): sample.value
        for family in Phones(lambda: [replace(SNAPSHOT, states=states), away, new]).collect()
        for sample in family.samples
    }
    assert told == {
        ("phones", "online"): 1,
        ("phones", "offline"): 1,
        ("phones", "unreached"): 1,
        ("credentials", "verified"): 10,
        ("credentials", "mismatch"): 2,
        ("phone_changes_waiting", "revocation"): 2,
        ("phone_changes_waiting", "grant"): 8,
        ("phone_change_age_seconds",): 70,
        ("phone_changes_suspended",): 2,
        ("phone_clock_off_seconds",): 3,
        ("phone_strangers",): 8,
    }
