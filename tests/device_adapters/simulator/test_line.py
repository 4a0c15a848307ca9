"""S3, S4, S16 and S22-S24: phones on real sockets."""

import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import httpx
import pytest

from device_adapters.simulator.caller import is_loopback
from device_adapters.simulator.fleet import Access, Fleet, PluggedIn, mac_of
from tests.device_adapters.simulator.phones import a_user
from tests.device_adapters.simulator.wire import DIGEST, add, client, eventually, get, user_ids


def test_s3_the_content_type_cannot_be_trusted(fleet: Fleet) -> None:
    answer = get(fleet[1])
    assert answer.headers["content-type"] == "text/plain"
    assert answer.json()["retcode"] == 0


def test_s4_none_and_a_listed_address_come_in(fleet: Fleet) -> None:
    assert get(fleet[0]).status_code == 200
    with Fleet(["X916"], access=Access(mode="allowlist")) as guarded:
        assert get(guarded[0]).status_code == 200


def test_s4_an_empty_allowlist_denies_everyone_without_a_challenge() -> None:
    with Fleet(["X916"], access=Access(mode="allowlist", allowlist=())) as guarded:
        answer = get(guarded[0])
        assert (answer.status_code, answer.headers.get("www-authenticate")) == (403, None)


def test_s4_basic() -> None:
    with Fleet(["X916"], access=Access(mode="basic", user="u", password="p")) as guarded:
        assert get(guarded[0], auth=("u", "p")).status_code == 200
        refused = get(guarded[0], auth=("u", "x"))
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == 'Basic realm="HTTPAPI"'


def test_s4_digest() -> None:
    with Fleet(["X916"], access=DIGEST) as guarded:
        challenge = get(guarded[0]).headers["www-authenticate"]
        assert 'realm="HTTPAPI"' in challenge
        assert "opaque=" in challenge
        assert "nonce=" in challenge
        right = httpx.DigestAuth("gate", "a-secret")
        assert get(guarded[0], auth=right).json()["retcode"] == 0
        assert add(guarded[0], a_user(), auth=right)["retcode"] == 0
        for wrong in (httpx.DigestAuth("gate", "guess"), httpx.DigestAuth("eve", "a-secret")):
            assert get(guarded[0], auth=wrong).status_code == 401
        assert get(guarded[0], "/sim/state").status_code == 200


def test_s4_a_digest_is_good_for_one_address_and_one_phone() -> None:
    with Fleet(["X916", "X916"], access=DIGEST) as guarded:
        right = httpx.DigestAuth("gate", "a-secret")
        stolen = {"Authorization": get(guarded[0], auth=right).request.headers["authorization"]}
        assert get(guarded[0], "/api/system/info", headers=stolen).status_code == 200
        assert get(guarded[0], "/api/user/get", headers=stolen).status_code == 401
        assert get(guarded[1], "/api/system/info", headers=stolen).status_code == 401


def test_s4_nobody_gets_in_without_a_password_of_their_own() -> None:
    for mode in ("basic", "digest"):
        with pytest.raises(ValueError, match="needs a user and a password"):
            Access(mode=mode)
    assert "a-secret" not in repr(DIGEST)


class Receiver(BaseHTTPRequestHandler):
    """Takes down what is called, and fails, so that a second try would show."""

    called: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.called.append(self.path)
        self.send_response(500)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[str]]]:
    Receiver.called = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", Receiver.called
        server.shutdown()
        thread.join()


def test_s16_an_action_url_is_called_once(
    phone: PluggedIn, receiver: tuple[str, list[str]]
) -> None:
    address, called = receiver
    prefix = "Config.Features.ACTIONURL."
    settings = {
        f"{prefix}Enable": "1",
        f"{prefix}ValidCodeEntered": f"{address}/token?mac=$mac&relay=$relay_id",
    }
    body = {"target": "config", "action": "set", "data": settings}
    with client(phone) as http:
        http.post("/api/config/set", json=body)
    add(phone, a_user(PrivatePIN="2468"))
    assert phone.punch("2468").opened
    assert eventually(lambda: called)
    time.sleep(0.05)
    assert called == [f"/token?mac={phone.mac}&relay=1"]


def test_s16_only_loopback_is_called_and_nothing_waits(phone: PluggedIn) -> None:
    prefix, url = "Config.Features.ACTIONURL.", "http://192.0.2.1/x"
    settings = {f"{prefix}Enable": "1", f"{prefix}InvalidCodeEntered": url}
    phone.do(lambda p: p.config.change(settings))
    started = time.monotonic()
    phone.punch("0000")
    assert get(phone).status_code == 200
    assert time.monotonic() - started < 0.5
    assert phone.state()["urls_called"][-1] == url


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("localhost", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("a.org", False),
    ],
)
def test_s16_what_loopback_is(host: str, *, near: bool) -> None:
    assert is_loopback(host) is near


def test_s22_open_door_by_html(fleet: Fleet, phone: PluggedIn) -> None:
    path = "/fcgi/do?action=OpenDoor&UserName=u&Password=p&DoorNum="
    assert "value='-1'" in get(phone, f"{path}1").text
    where = "Config.DoorSetting.HTTPRELAY."
    phone.do(lambda p: p.config.change({f"{where}Enable": "1"}))
    assert "value='-1'" in get(phone, "/fcgi/do?action=OpenDoor&UserName=&Password=").text
    settings = {f"{where}Enable": "1", f"{where}UserName": "u", f"{where}Password": "p"}
    for one in fleet:
        one.do(lambda p: p.config.change(settings))
    answer = get(phone, f"{path}1")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")
    assert "id='hcSingleResult' value='0'" in answer.text
    assert phone.state()["relays"][1]
    assert "value='1'" in get(phone, f"{path}9").text
    assert "hcSingleResult" not in get(fleet[1], f"{path}1").text
    assert "value='-1'" in get(phone, path.replace("Password=p", "Password=x") + "1").text


def test_s22_an_r20a_wants_the_new_interface() -> None:
    with Fleet(["R20A"]) as fleet:
        assert "please use new interface" in get(fleet[0], "/fcgi/do?action=OpenDoor").text


def test_s23_the_state_tells_all_but_the_secrets(phone: PluggedIn) -> None:
    add(phone, a_user(PrivatePIN="2468"))
    with client(phone) as http:
        http.post("/sim/punch", json={"code": "2468"})
        http.post("/sim/swipe", json={"card": "EE"})
        state = http.get("/sim/state").json()
    assert [row["PrivatePIN"] for row in state["users"]] == ["2468"]
    assert [row["Code"] for row in state["doorlog"][-2:]] == ["2468", "EE"]
    assert state["relays"]["1"]
    assert state["answered"]["user/add"] >= 1
    assert state["config"]["Config.DoorSetting.APIFCGI.Password"] == ""


def test_s23_the_same_seed_makes_the_same_fleet() -> None:
    assert mac_of(1, 0) == mac_of(1, 0) != mac_of(2, 0)
    macs = [phone.mac for phone in Fleet(["X916"] * 200, seed=7).phones]
    assert len(set(macs)) == 200
    assert all(mac.startswith("0C1105") and len(mac) == 12 for mac in macs)


def test_s23_the_hand_is_on_loopback_only(fleet: Fleet) -> None:
    for phone in fleet:
        with socket.socket() as other:
            other.settimeout(1)
            address = ("127.0.0.2", phone.line.port)
            assert other.connect_ex(address) != 0
        assert phone.url.startswith("http://127.0.0.1:")


def test_s24_one_hung_phone_does_not_hold_the_others(fleet: Fleet, phone: PluggedIn) -> None:
    phone.fault("hang")
    with client(phone) as waiting, client(fleet[1]) as http:
        request = Thread(target=lambda: swallow(waiting))
        request.start()
        started = time.monotonic()
        http.get("/api/system/info")
        assert time.monotonic() - started < 0.2
        request.join()


def swallow(http: httpx.Client) -> None:
    with pytest.raises(httpx.ReadTimeout):
        http.get("/api/system/info", timeout=0.2)


def test_s24_no_request_on_keep_alive_waits_for_a_delayed_ack(phone: PluggedIn) -> None:
    """Nagle and a delayed ACK would make it 44 ms."""
    with client(phone) as http:
        took = []
        for _ in range(50):
            started = time.perf_counter()
            http.get("/api/system/status")
            took.append(time.perf_counter() - started)
    assert sorted(took)[25] < 0.01


def test_s21_one_request_at_a_time_and_who_does_not_wait_is_seen(phone: PluggedIn) -> None:
    phone.do(lambda p: setattr(p, "most_at_once", 0))
    phone.fault("ms_per_user", ms=50)
    threads = [Thread(target=add, args=(phone, a_user(f"u{n}"))) for n in range(3)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started > 0.15
    assert phone.state()["most_at_once"] > 1
    assert len(user_ids(phone)) == 3


@pytest.mark.parametrize("raw", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n", b""])
def test_bad_http_ends_the_connection_and_nothing_else(phone: PluggedIn, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", phone.line.port), timeout=2) as wire:
        wire.sendall(raw)
        wire.shutdown(socket.SHUT_WR)
        assert wire.recv(100) == b""
    assert get(phone).status_code == 200


def test_a_client_that_waits_for_a_go_ahead_gets_one(phone: PluggedIn) -> None:
    head = b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", phone.line.port), timeout=2) as wire:
        wire.sendall(head)
        assert wire.recv(100).startswith(b"HTTP/1.1 100")
        wire.sendall(b'{"target": "user", "action": "get"}')
        assert wire.recv(1000).startswith(b"HTTP/1.1 200")


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ValueError, match="no model Z80; there are X916"):
        Fleet(["Z80"])


def test_a_taken_port_is_said() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError, match="in use"), Fleet(["X916"], port=other.getsockname()[1]):
            pass
