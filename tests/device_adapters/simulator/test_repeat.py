"""S21, S23, S24: the pace of real phones, a run that can be repeated, and hundreds in a process."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from random import Random
from typing import Any

import httpx
import psutil

from device_adapters.simulator.control import ACTS
from device_adapters.simulator.faults import REAL_PACE
from device_adapters.simulator.fleet import Fleet, PluggedIn
from device_adapters.simulator.weather import MIXED, Trouble, brew, forecast, is_over, strike
from tests.device_adapters.simulator.phones import Clock, a_phone, a_user, with_users
from tests.device_adapters.simulator.wire import DIGEST, NO_TLS, add, client, get

MANY = 300
CHANCE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("error_rate", {"rate": 0.3}),
    ("accept_and_drop", {"rate": 0.3}),
)


def test_s21_at_the_real_pace_a_call_waits_for_the_one_before() -> None:
    with Fleet(["X916"], **REAL_PACE) as real, client(real[0]) as http:  # type: ignore[arg-type]
        http.get("/api/system/info")
        began = time.monotonic()
        http.get("/api/system/info")
        assert time.monotonic() - began > 0.24
        began = time.monotonic()
        add(real[0], a_user("u1"), a_user("u2"))
        assert time.monotonic() - began > 0.25 + 2 * 0.132 - 0.01
        assert real[0].state()["hurried"] == 2


def test_s21_who_leaves_the_pause_is_served_at_once() -> None:
    with Fleet(["X916"], pause=0.05) as patient, client(patient[0]) as http:
        for _ in range(3):
            http.get("/api/system/info")
            time.sleep(0.06)
        assert patient[0].state()["hurried"] == 0


def told(seed: int) -> list[Any]:
    """Everything that a client can see of a run full of chance, down to the headers."""
    random, seen = Random(1), list[Any]()
    with Fleet(["X916", "E18"], seed=seed, clock=Clock(), access=DIGEST) as fleet:
        for phone in fleet:
            for name, given in CHANCE:
                phone.fault(name, **given)
        for n in range(60):
            phone = fleet[random.randrange(2)]
            seen.append(one_call(phone, n, random))
        return [*seen, *(phone.state() | {"most_at_once": 0} for phone in fleet)]


def one_call(phone: PluggedIn, n: int, random: Random) -> tuple[int, str, list[tuple[str, str]]]:
    auth = httpx.DigestAuth("gate", "a-secret") if random.random() < 0.9 else None
    with client(phone, auth=auth) as http:
        item = {**a_user(f"u{n}"), "Schedule-Relay": "1001-1"}
        body = {"target": "user", "action": "add", "data": {"item": [item]}}
        answer = http.post("/api", json=body) if n % 2 else http.get("/api/user/get")
    return answer.status_code, answer.text, sorted(answer.headers.items())


def test_s23_the_same_seed_repeats_a_run_to_the_letter() -> None:
    first = told(7)
    assert told(7) == first
    assert told(8) != first
    assert {500, 401, 200} <= {seen[0] for seen in first[:60]}


def test_s23_the_same_seed_brings_the_same_weather() -> None:
    first, again, other = (list(islice(forecast(20, 0.5, seed), 200)) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    assert 70 < first[-1].at < 140
    assert {one.name for one in first} == {name for _, name, _ in MIXED}


def test_s20_weather_strikes_what_is_there_and_passes() -> None:
    phone, empty = with_users(a_phone(), a_user("u1"), a_user("u2")), a_phone()
    trouble = Trouble(at=0, phone=0, name="local_edit", given={"op": "del"}, lasts=1, chance=0.6)
    assert strike(phone, trouble)
    assert not strike(empty, trouble)
    assert [user["UserID"] for user in phone.users] == ["u1"]
    assert not strike(phone, replace(trouble, name="restore_backup", given={}))
    assert strike(phone, replace(trouble, name="offline", given={}))
    assert phone.faults.on == {"offline": True}
    is_over(phone, replace(trouble, name="offline", given={}))
    assert phone.faults.on == {}


def test_s20_weather_comes_over_a_fleet_while_it_runs() -> None:
    phones = [a_phone() for _ in range(5)]
    soon = islice(forecast(5, 0.01, 1), 40)
    asyncio.run(brew(phones, [one for one in soon if one.name not in ACTS]))
    assert sum(bool(phone.faults.on) for phone in phones) == 5


def test_s24_three_hundred_phones_in_one_process_each_answer() -> None:
    before = psutil.Process().memory_info().rss
    began = time.monotonic()
    with Fleet(["X916", "R29", "E12W"] * (MANY // 3)) as many:
        started = time.monotonic() - began
        assert len({phone.url for phone in many}) == MANY
        with ThreadPoolExecutor(4) as pool:
            began = time.monotonic()
            macs = list(pool.map(mac_said, many))
        took = time.monotonic() - began
        grown = psutil.Process().memory_info().rss - before
    assert macs == [phone.mac for phone in many]
    print(f"\n{MANY} phones: up in {started:.2f} s, {MANY / took:.0f} calls/s, {grown >> 20} MB")
    assert grown < 200 << 20


def mac_said(phone: PluggedIn) -> str:
    answer = httpx.get(f"{phone.url}/api/system/info", trust_env=False, verify=NO_TLS, timeout=30)
    return str(answer.json()["data"]["Status"]["MAC"])


def test_s24_where_hundreds_listen_one_is_reached_as_fast_as_alone() -> None:
    with Fleet(["X916"] * MANY) as many:
        assert get(many[MANY - 1]).status_code == 200
        with client(many[0]) as http:
            http.get("/api/system/info")
            took = list[float]()
            for _ in range(21):
                began = time.perf_counter()
                http.get("/api/system/info")
                took.append(time.perf_counter() - began)
    assert sorted(took)[10] < 0.05
