"""S19-S21: what can be made to go wrong."""

import time

import httpx
import pytest

from device_adapters.simulator.fleet import Fleet, PluggedIn
from tests.device_adapters.simulator.phones import a_user
from tests.device_adapters.simulator.wire import DIGEST, add, client, eventually, get, user_ids


def test_s19_a_reboot_cuts_everybody_off_for_a_while(phone: PluggedIn) -> None:
    phone.fault("reboot", seconds=0.2)
    with pytest.raises(httpx.TransportError):
        get(phone)
    assert phone.punch("2468").reason == "rebooting"
    assert eventually(lambda: not phone.phone.is_down())
    assert get(phone, "/api/system/status").json()["data"]["UpTime"] == 0


def test_s19_offline_keeps_the_keypad_and_the_hand(phone: PluggedIn) -> None:
    add(phone, a_user(PrivatePIN="2468"))
    with client(phone) as http:
        http.get("/api/user/get")
        phone.fault("offline")
        with pytest.raises(httpx.TransportError):
            http.get("/api/user/get")
    assert phone.punch("2468").opened
    assert get(phone, "/sim/state").json()["faults"] == {"offline": True}
    phone.clear_faults()
    assert user_ids(phone) == ["u1"]


def test_s19_unplugged_it_refuses(phone: PluggedIn) -> None:
    address = phone.url
    phone.unplug()
    with pytest.raises(httpx.ConnectError):
        get(phone)
    phone.plug_in()
    assert (phone.url, get(phone).status_code) == (address, 200)


def test_s19_hung_it_takes_the_request_and_says_nothing(phone: PluggedIn) -> None:
    phone.fault("hang")
    with pytest.raises(httpx.ReadTimeout):
        get(phone, timeout=0.1)
    assert get(phone, "/sim/state").status_code == 200


def test_s19_latency_and_half_an_answer(phone: PluggedIn) -> None:
    phone.fault("latency", ms=80)
    started = time.monotonic()
    get(phone)
    assert time.monotonic() - started > 0.08
    phone.clear_faults()
    phone.fault("half_close")
    with pytest.raises(httpx.RemoteProtocolError):
        get(phone)


def test_s20_accept_and_drop(phone: PluggedIn) -> None:
    phone.fault("accept_and_drop")
    assert add(phone, a_user())["retcode"] == 0
    assert user_ids(phone) == []


def test_s20_partial_batch(phone: PluggedIn) -> None:
    phone.fault("partial_batch", keep=0.5)
    assert add(phone, *(a_user(f"u{n}") for n in range(6)))["retcode"] == 0
    assert user_ids(phone) == ["u0", "u1", "u2"]


def test_s20_stale_reads_come_fresh_again(phone: PluggedIn) -> None:
    add(phone, a_user("old"))
    phone.fault("stale_reads", seconds=0.15)
    add(phone, a_user("new"))
    assert user_ids(phone) == ["old"]
    assert eventually(lambda: user_ids(phone) == ["old", "new"])


def test_s20_wrong_clock(phone: PluggedIn) -> None:
    phone.fault("wrong_clock", seconds=-7200)
    shown = get(phone, "/api/system/status").json()["data"]["SystemTime"]
    assert abs(shown - time.time() + 7200) < 3


def test_s20_factory_reset_forgets_all_but_lets_us_in() -> None:
    with Fleet(["X916"], access=DIGEST) as guarded:
        right = httpx.DigestAuth("gate", "a-secret")
        add(guarded[0], a_user(), auth=right)
        guarded[0].punch("1111")
        guarded[0].do(lambda phone: setattr(phone, "boot_seconds", 0.0))
        guarded[0].fault("factory_reset")
        rows = get(guarded[0], "/api/user/get", auth=right).json()["data"]
        assert (rows["item"], guarded[0].state()["doorlog"]) == ([], [])


def test_s20_edits_behind_our_back(phone: PluggedIn) -> None:
    phone.fault("local_edit", op="add", row=a_user("x", PrivatePIN="1"))
    phone.fault("local_edit", op="cloud", row=a_user("c"))
    phone.fault("local_edit", op="duplicate", user_id="x")
    assert user_ids(phone) == ["x", "c", "x"]
    phone.fault("local_edit", op="alter", user_id="c", row={"Name": "Eve"})
    phone.fault("local_edit", op="del", user_id="x")
    rows = phone.state()["users"]
    assert [(row["Name"], row["SourceType"]) for row in rows] == [("Eve", "2"), ("Ann", "1")]


def test_s20_an_old_backup_comes_back(phone: PluggedIn) -> None:
    add(phone, a_user("old"))
    phone.fault("backup")
    add(phone, a_user("new"))
    phone.fault("restore_backup")
    assert user_ids(phone) == ["old"]


def test_s20_a_lost_answer_was_still_a_deed(phone: PluggedIn) -> None:
    phone.fault("lost_ack")
    with pytest.raises(httpx.TransportError):
        add(phone, a_user())
    phone.clear_faults()
    assert user_ids(phone) == ["u1"]


def test_s20_errors_garbage_and_strangers(phone: PluggedIn) -> None:
    phone.fault("error_rate", rate=1)
    assert get(phone).status_code == 500
    phone.clear_faults()
    phone.fault("garbage", kind="truncated")
    with pytest.raises(ValueError, match="Unterminated"):
        get(phone).json()
    phone.clear_faults()
    phone.fault("wrong_content_type")
    assert get(phone).headers["content-type"] == "text/html"
    phone.fault("other_mac", mac="0C1105BADBAD")
    assert get(phone).json()["data"]["Status"]["MAC"] == "0C1105BADBAD"
    phone.fault("redirect", to="http://127.0.0.1:9/")
    assert get(phone).headers["location"] == "http://127.0.0.1:9/"


def test_s20_half_of_the_requests_fail_by_chance(phone: PluggedIn) -> None:
    phone.fault("error_rate", rate=0.5)
    with client(phone) as http:
        failed = [http.get("/api/system/info").status_code for _ in range(60)].count(500)
    assert 10 < failed < 50


def test_s20_a_giant_body_can_be_walked_away_from(phone: PluggedIn) -> None:
    phone.fault("giant_body", bytes=50_000_000)
    with client(phone) as http, http.stream("GET", "/api/user/get") as answer:
        assert answer.headers["content-length"] == "50000000"
        assert next(answer.iter_raw())
    assert get(phone, "/sim/state").status_code == 200


def test_s20_storage_is_full(phone: PluggedIn) -> None:
    phone.fault("capacity", users=2)
    assert add(phone, *(a_user(f"u{n}") for n in range(3)))["retcode"] == -1
    assert user_ids(phone) == ["u0", "u1"]


def test_s20_a_fault_ends_by_itself_or_all_at_once(phone: PluggedIn) -> None:
    with client(phone) as http:
        http.post("/sim/fault", json={"name": "hang"})
        http.post("/sim/fault", json={"name": "latency", "ms": 5})
        left = http.post("/sim/fault", json={"name": "hang", "on": False}).json()
        assert left == {"faults": {"latency": 5}}
        assert http.post("/sim/clear-faults").json() == {"faults": {}}


def test_s20_the_hand_says_what_it_does_not_understand(phone: PluggedIn) -> None:
    with client(phone) as http:
        bodies: list[object] = [
            {"name": "rain"},
            {},
            {"name": "latency", "seconds": 1},
            {"name": "latency", "ms": "x"},
            {"name": "local_edit", "op": "fly", "user_id": "u1"},
            [],
        ]
        for body in bodies:
            answer = http.post("/sim/fault", json=body)
            assert (answer.status_code, list(answer.json())) == (400, ["error"]), body
        assert http.post("/sim/rain", json={}).status_code == 404
        assert http.get("/sim/clear-faults").status_code == 404


def test_s21_it_freezes_above_so_many_items(phone: PluggedIn) -> None:
    phone.fault("freeze_above", items=3)
    assert add(phone, *(a_user(f"u{n}") for n in range(3)))["retcode"] == 0
    with pytest.raises(httpx.ReadTimeout):
        add(phone, *(a_user(f"x{n}") for n in range(4)), timeout=0.1)
    with pytest.raises(httpx.ReadTimeout):
        get(phone, "/api/user/get", timeout=0.1)
    phone.clear_faults()
    assert len(user_ids(phone)) == 3


def test_s21_storing_takes_its_time() -> None:
    with Fleet(["X916"], ms_per_user=10) as slow:
        for _ in range(2):
            started = time.monotonic()
            add(slow[0], *(a_user(f"u{time.monotonic_ns()}{n}") for n in range(10)))
            assert time.monotonic() - started > 0.1
            slow[0].clear_faults()
