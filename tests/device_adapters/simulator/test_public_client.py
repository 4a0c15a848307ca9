"""A public client of these phones takes ours for real ones (S1-S7, S14, S15, S22).

It is pylocal-akuvox of PyPI, by people who have X916, X915S, E18, R20, E12W and A08S at home; its
own diagnosis of a phone reads and writes everything that it knows.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from device_adapters.simulator.fleet import Access, Fleet, PluggedIn
from tests.device_adapters.simulator.public_client import library

try:
    akuvox: Any = library()
except ImportError:
    if "CI" in os.environ:  # `make` installs it
        raise
    pytest.skip("pylocal-akuvox is not installed: make does that", allow_module_level=True)

USER, PASSWORD = "gate", "a-secret"
HTML = "Config.DoorSetting.HTTPRELAY."
KNOWN = ["X916", "X915S", "E18", "R20A", "S532", "E12W"]
READS_ONLY = {"modify_contact", "delete_contact", "verify_contact_deletion", "add_contact"}
Work = Callable[[Any], Coroutine[Any, Any, Any]]


@pytest.fixture
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    access = Access(mode="digest", user=USER, password=PASSWORD)
    with Fleet(getattr(request, "param", ["X916"]), access=access) as fleet:
        yield fleet


@asynccontextmanager
async def connected(phone: PluggedIn, method: str = "DIGEST", **login: str) -> AsyncIterator[Any]:
    known = {"username": USER, "password": PASSWORD} | login
    auth = akuvox.AuthConfig(akuvox.AuthMethod[method], **known)
    host = phone.url.removeprefix("http://")
    async with akuvox.AkuvoxDevice(host, auth, request_delay=0) as device:
        device.attempt_unknown_capability = True
        yield device


def ask(phone: PluggedIn, work: Work, method: str = "DIGEST", **login: str) -> Any:
    async def asked() -> Any:
        async with connected(phone, method, **login) as device:
            return await work(device)

    return asyncio.run(asked())


@cache
def hurry() -> None:
    """It waits 40 s in all for real phones to settle; ours need no more than its own pauses."""
    import_module("pylocal_akuvox._report_write_steps").__dict__["_MUTATION_SETTLE_SECS"] = 0
    import_module("pylocal_akuvox._report_write_tests").__dict__["_MUTATION_SETTLE_SECS"] = 0


def diagnosis(phone: PluggedIn) -> dict[str, str]:
    """How each step went, by its name: passed, failed or skipped."""
    hurry()
    wanted = {f"{HTML}Enable": "1", f"{HTML}UserName": "u", f"{HTML}Password": "p"}
    phone.do(lambda p: p.config.values.update(wanted))
    phone.do(lambda p: p.call("Dialed", "Ann", "101"))
    auth = akuvox.AuthConfig(akuvox.AuthMethod.DIGEST, USER, PASSWORD)
    device = akuvox.AkuvoxDevice(phone.url.removeprefix("http://"), auth, request_delay=0)
    device.attempt_unknown_capability = True
    opening = {"open_door": True, "open_door_user": "u", "open_door_password": "p"}
    work = akuvox.run_capability_report(device, write=True, emit=lambda _: None, **opening)
    return {test["name"]: test["status"] for test in asyncio.run(work)["tests"]}


@pytest.mark.parametrize(
    ("fleet", "model"), [([model], model) for model in KNOWN], indirect=["fleet"]
)
def test_s6_its_own_diagnosis_finds_nothing_amiss(fleet: Fleet, model: str) -> None:
    found = diagnosis(fleet[0])
    assert len(found) == 29
    left_out = READS_ONLY if model == "X915S" else set()  # an apartment book takes no contacts
    assert {name for name, status in found.items() if status != "passed"} == left_out
    assert "failed" not in found.values()


@pytest.mark.parametrize("fleet", [["R29"]], indirect=True)
def test_s6_control_firmware_that_it_does_not_know_is_noticed(fleet: Fleet) -> None:
    """It reads `item`, and this one says `Item`."""
    assert diagnosis(fleet[0])["add_user"] == "failed"


def test_s2_who_it_is_and_how_long_it_is_up(fleet: Fleet) -> None:
    async def work(device: Any) -> Any:
        return await device.get_info(), await device.get_status()

    info, status = ask(fleet[0], work)
    assert (info.model, info.mac_address) == ("X916", fleet[0].mac)
    assert status.uptime >= 0


async def settled(device: Any) -> None:
    """A schedule of office hours, and Ann, who has a PIN and a card in them."""
    office = {"time_start": "08:00", "time_end": "18:00", "week": "12345"}
    await device.add_schedule(schedule_type="1", name="Office", **office)
    [schedule] = [one for one in await device.list_schedules() if one.name == "Office"]
    ann = {"name": "Ann", "user_id": "2001", "web_relay": "0", "lift_floor_num": "0"}
    opens = f"{schedule.id}-1,1001-2"
    await device.add_user(**ann, schedule_relay=opens, private_pin="2468", card_code="AB12")


def test_s13_whom_it_adds_opens_the_door_and_whom_it_deletes_does_not(fleet: Fleet) -> None:
    async def changed(device: Any) -> Any:
        await settled(device)
        [user] = await device.list_users()
        await device.modify_user(id=user.id, private_pin="8642")
        return user

    user = ask(fleet[0], changed)
    assert (user.name, user.user_id, user.private_pin) == ("Ann", "2001", "2468")
    assert fleet[0].punch("8642").opened
    assert not fleet[0].punch("2468").opened
    assert fleet[0].swipe("ab12").opened
    ask(fleet[0], lambda device: device.delete_user(id=user.id))
    assert not fleet[0].swipe("ab12").opened


def test_s14_s15_relays_and_logs(fleet: Fleet) -> None:
    fleet[0].punch("1111")

    async def work(device: Any) -> Any:
        await device.trigger_relay(num=2, delay=30)
        return await device.get_relay_status(), await device.get_door_logs(page=1)

    relays, logs = ask(fleet[0], work)
    assert relays == {"RelayA": 0, "RelayB": 1, "RelayC": 0, "RelayD": 0}
    assert [(one.door_type, one.status) for one in logs] == [
        ("HTTP API", "Succ"),
        ("PIN", "Failed"),
    ]


@pytest.mark.filterwarnings("ignore:.* deprecated:DeprecationWarning")
def test_s4_it_is_told_apart_who_may_not_ask(fleet: Fleet) -> None:
    with pytest.raises(akuvox.AkuvoxAuthenticationError):
        ask(fleet[0], lambda device: device.list_users(), password="wrong")
    with pytest.raises(akuvox.AkuvoxAuthenticationError):
        ask(fleet[0], lambda device: device.list_users(), method="BASIC")


def test_s9_a_no_is_an_error_of_the_device(fleet: Fleet) -> None:
    with pytest.raises(akuvox.AkuvoxDeviceError, match="Failed"):
        ask(fleet[0], lambda device: device.delete_user(id="99"))


def test_s19_s20_faults_are_what_it_knows_of_real_ones(fleet: Fleet) -> None:
    for name, error in (
        ("offline", akuvox.AkuvoxConnectionError),
        ("half_close", akuvox.AkuvoxConnectionError),
        ("garbage", akuvox.AkuvoxParseError),
        ("error_rate", akuvox.AkuvoxDeviceError),
    ):
        fleet[0].fault(name, **({"rate": 1.0} if name == "error_rate" else {}))
        with pytest.raises(error):
            ask(fleet[0], lambda device: device.list_users())
        fleet[0].clear_faults()
    fleet[0].fault("wrong_content_type")
    assert ask(fleet[0], lambda device: device.list_users()) == []
