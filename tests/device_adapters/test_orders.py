"""M110, M111, A23: what is done to phones from afar, over real sockets."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import time
from uuid import UUID

import pytest

from device_adapters.akuvox.profiles import profile_of
from device_adapters.akuvox.upkeep import CONNECT, ServicedPhone
from device_adapters.errands import Errand, Errands
from device_adapters.locks.brands import PROFILES
from device_adapters.locks.gateway import Gateway, SimLock
from device_adapters.locks.lock import GatewayLock
from device_adapters.locks.served import served
from device_adapters.port import Offline, Phone
from device_adapters.simulator import Fleet, PluggedIn
from domain.devices import Device, DeviceRemoved
from domain.ids import DeviceId
from domain.kernel import Event
from domain.maintenance import (
    AutopKept,
    ConnectTypeChosen,
    OperationAsked,
    OperationBegun,
    OperationEnded,
    OperationId,
    OperationKind,
    Upkeep,
    UpkeepFound,
)
from domain.reports import Asked
from tests.builders import ANN, SWIMMERS, a_community, a_lock, a_pin, a_resident
from tests.device_adapters.houses import House, device_id, registered, soon
from tests.device_adapters.memory_phone import MAC, MemoryPhone
from tests.scenario import a_log, also

DOOR = device_id(0)
VOLUME = "Config.Voice.MIC.Volume"


def asked(
    kind: OperationKind,
    n: int = 1,
    *,
    device: DeviceId = DOOR,
    lines: tuple[str, ...] = (),
    since: float = 0.0,
) -> OperationAsked:
    at = datetime.fromtimestamp(time() - since, UTC)
    return OperationAsked(
        operation=OperationId(UUID(int=900 + n)),
        device=device,
        kind=kind,
        relay=2 if kind == "open" else None,
        lines=lines,
        by="manager",
        asked_at=at,
        until=at + timedelta(seconds=10),
    )


class Serviced(House):
    """With the drivers of the adapters' process."""

    def _connect(self, device: Device) -> Phone:
        if device.is_lock:
            return GatewayLock(device, PROFILES[device.box.model].paced(0, 0))
        profile = profile_of(device.box.model).paced(0, 0)
        return ServicedPhone(device.box.address, None, profile)

    def endings(self) -> list[tuple[str, str]]:
        found = [e for e in self.events(OperationEnded) if isinstance(e, OperationEnded)]
        return [(e.ending, e.reason) for e in found]

    def upkeep(self) -> list[tuple[str, str]]:
        found = [e for e in self.events(UpkeepFound) if isinstance(e, UpkeepFound)]
        return [(e.state, e.reason) for e in found]


@pytest.fixture
def sim() -> Iterator[PluggedIn]:
    with Fleet(["X916"]) as fleet:
        fleet[0].do(lambda phone: setattr(phone, "boot_seconds", 0.3))
        yield fleet[0]


@contextmanager
def a_serviced(sim: PluggedIn, *facts: Event) -> Iterator[Serviced]:
    log = a_log(a_community(), registered(0, sim), *facts)
    house = Serviced(log, Fleet([]))
    try:
        yield house
    finally:
        house.stop()


def is_open(sim: PluggedIn, relay: int) -> bool:
    return sim.do(lambda phone: phone.is_open(relay))


def config(sim: PluggedIn, key: str) -> str | None:
    return sim.do(lambda phone: phone.config.values.get(key))


def test_a23_a_door_is_opened_from_afar(sim: PluggedIn) -> None:
    with a_serviced(sim) as house:
        house.happen(asked("open"))
        assert soon(lambda: is_open(sim, 2)) < 2
        soon(lambda: house.endings() == [("done", "")])
        assert house.events(OperationBegun) == []
        assert house.noted == [], "the phone's own log has it"


def test_a23_a_phone_that_cannot_be_reached_is_offline_which_is_not_failed(
    sim: PluggedIn,
) -> None:
    with a_serviced(sim) as house:
        soon(lambda: house.comings_and_goings() == ["DeviceWentOnline"])
        sim.unplug()
        house.happen(asked("open"))
        soon(house.endings)
        [(ending, reason)] = house.endings()
        assert ending == "offline"
        [noted] = house.noted
        assert (noted.outcome, noted.method, noted.relay, noted.door_name, noted.source) == (
            "offline",
            "remote",
            2,
            "Door 0 2",
            "command",
        )
        assert noted.asked == Asked(operation=OperationId(UUID(int=901)), by="manager")
        sim.plug_in()
        soon(lambda: house.comings_and_goings()[-1:] == ["DeviceWentOnline"])
        assert not is_open(sim, 2), "nobody waits there any more"
        assert len(house.endings()) == 1
        assert reason


def test_a23_what_was_asked_too_long_ago_opens_nothing(sim: PluggedIn) -> None:
    with a_serviced(sim, asked("open", since=11)) as house:
        soon(lambda: house.endings() == [("offline", "the device was not reached in time")])
        assert not is_open(sim, 2)
        assert [one.outcome for one in house.noted] == ["offline"]


def test_a23_a_refusal_is_failed(sim: PluggedIn) -> None:
    with a_serviced(sim) as house:
        house.happen(replace(asked("open"), relay=9))
        soon(lambda: [ending for ending, _ in house.endings()] == ["failed"])
        assert [(one.outcome, one.asked and one.asked.by) for one in house.noted] == [
            ("failed", "manager")
        ]


def test_a23_a_lock_is_opened_too(sim: PluggedIn) -> None:
    gateway = Gateway([SimLock("itec", "L1")])
    with served(gateway) as server:
        lock = a_lock(device_id(1), serial="L1", address=server.url)
        with a_serviced(sim, lock) as house:
            house.happen(replace(asked("open", device=device_id(1)), relay=1))
            soon(lambda: gateway.locks["L1"].opened == 1)
            soon(lambda: house.endings() == [("done", "")])
            house.happen(asked("reboot", 2, device=device_id(1)))
            no = ("failed", "unsupported: this cannot be done from here")
            soon(lambda: house.endings()[1:] == [no])


def test_m110_a_phone_is_restarted_and_comes_back(sim: PluggedIn) -> None:
    with a_serviced(sim, a_resident(ANN, SWIMMERS), a_pin("2468", ANN)) as house:
        soon(lambda: house.comings_and_goings() == ["DeviceWentOnline"])
        began = sim.do(lambda phone: phone.up_since)
        house.happen(asked("reboot"))
        soon(lambda: [ending for ending, _ in house.endings()] == ["done"], within=15)
        assert sim.do(lambda phone: phone.up_since) > began
        assert len(house.events(OperationBegun)) == 1
        house.happen(asked("reset", 2))
        soon(lambda: [ending for ending, _ in house.endings()] == ["done", "done"], within=15)


def test_m110_what_cannot_be_reached_is_restarted_when_it_is_back(sim: PluggedIn) -> None:
    with a_serviced(sim) as house:
        soon(lambda: house.comings_and_goings() == ["DeviceWentOnline"])
        sim.unplug()
        house.happen(replace(asked("reboot"), until=datetime.now(UTC) + timedelta(minutes=1)))
        soon(lambda: house.comings_and_goings()[-1:] == ["DeviceWentOffline"])
        assert house.endings() == []
        sim.plug_in()
        soon(lambda: [ending for ending, _ in house.endings()] == ["done"], within=15)


def test_m110_what_waits_for_a_phone_that_is_removed_has_failed(sim: PluggedIn) -> None:
    with a_serviced(sim) as house:
        soon(lambda: house.comings_and_goings() == ["DeviceWentOnline"])
        sim.unplug()
        house.happen(replace(asked("reboot"), until=datetime.now(UTC) + timedelta(minutes=1)))
        soon(lambda: house.comings_and_goings()[-1:] == ["DeviceWentOffline"])
        house.happen(DeviceRemoved(device=DOOR))
        soon(lambda: house.endings() == [("failed", "the device was removed")])


def test_m111_one_time_autop_runs_once_also_over_a_restart_of_ours(sim: PluggedIn) -> None:
    line = f"{VOLUME} = 7"
    with a_serviced(sim) as house:
        house.happen(asked("autop", lines=(line,)))
        soon(lambda: config(sim, VOLUME) == "7")
        soon(lambda: house.endings() == [("done", "")])
        sim.do(lambda phone: phone.config.values.update({VOLUME: "3"}))
        log = house.log
    begun = OperationBegun(operation=OperationId(UUID(int=902)), device=device_id(0))
    also(log, asked("autop", 2, lines=(line,)), begun)
    again = Serviced(log, Fleet([]))
    try:
        interrupted = ("failed", "interrupted: whether it was done is not known")
        soon(lambda: again.endings() == [("done", ""), interrupted])
        assert config(sim, VOLUME) == "3"
    finally:
        again.stop()


def test_m111_kept_commands_are_on_the_phone_and_come_back_after_a_reset(sim: PluggedIn) -> None:
    with a_serviced(sim) as house:
        house.happen(AutopKept(device=device_id(0), lines=(f"{VOLUME} = 7",)))
        soon(lambda: config(sim, VOLUME) == "7")
        soon(lambda: house.upkeep() == [("verified", "")])
        house.happen(ConnectTypeChosen(device=device_id(0), connect="tls"))
        soon(lambda: config(sim, CONNECT) == "2")
        soon(lambda: house.upkeep() == [("verified", "")] * 2)
        house.happen(asked("reset"))
        soon(lambda: [ending for ending, _ in house.endings()] == ["done"], within=15)
        soon(lambda: (config(sim, VOLUME), config(sim, CONNECT)) == ("7", "2"), within=15)


def test_m111_what_was_found_is_not_said_again_after_a_restart_of_ours(sim: PluggedIn) -> None:
    with a_serviced(sim) as house:
        house.happen(AutopKept(device=DOOR, lines=(f"{VOLUME} = 7",)))
        soon(lambda: house.upkeep() == [("verified", "")])
        log = house.log
    sim.do(lambda phone: phone.config.values.update({VOLUME: "3"}))
    again = Serviced(log, Fleet([]))
    try:
        soon(lambda: config(sim, VOLUME) == "7")
        again.happen(asked("open"))
        soon(lambda: again.endings() == [("done", "")])
        assert again.upkeep() == [("verified", "")]
    finally:
        again.stop()


def test_m111_a_phone_that_says_yes_and_does_nothing_is_found_out(sim: PluggedIn) -> None:
    class Deaf(ServicedPhone):
        def configure(self, settings: Mapping[str, str]) -> None:
            pass

    with closing(Deaf(sim.url, None, profile_of("X916").paced(0, 0))) as phone:
        ended, said = list[tuple[str, str]](), list[tuple[str, str]]()
        errands = Errands(time)
        errands.add(an_errand("autop", ended, settings={VOLUME: "7"}))
        errands.keep(
            Upkeep(lines=(f"{VOLUME} = 7",)), lambda state, reason: said.append((state, reason))
        )
        errands.run(phone, sim.mac)
        assert ended == [("failed", f"mismatch: {VOLUME}")]
        assert said == [("mismatch", VOLUME)]


def an_errand(
    kind: OperationKind,
    ended: list[tuple[str, str]],
    begun: Callable[[], None] = lambda: None,
    settings: Mapping[str, str] | None = None,
) -> Errand:
    def end(ending: str, reason: str) -> None:
        ended.append((ending, reason))

    return Errand(
        kind=kind, until=time() + 60, begun=begun, ended=end, relay=1, settings=settings or {}
    )


def test_m110_nothing_is_done_before_the_log_knows_that_it_begins() -> None:
    phone, ended = MemoryPhone(), list[tuple[str, str]]()

    def no_log() -> None:
        raise ConnectionError

    errands = Errands(time)
    errands.add(an_errand("reboot", ended, begun=no_log))
    with pytest.raises(ConnectionError):
        errands.run(phone, MAC)
    assert ended == []


def test_a23_what_was_done_is_not_done_again_for_want_of_a_log() -> None:
    phone, told = MemoryPhone(), list[tuple[str, str]]()
    errand = an_errand("open", told)
    errands = Errands(time)

    def deaf(ending: str, reason: str) -> None:
        raise ConnectionError

    hears, errand.ended = errand.ended, deaf
    errands.add(errand)
    with pytest.raises(ConnectionError):
        errands.run(phone, MAC)
    errand.ended = hears
    errands.run(phone, MAC)
    assert told == [("done", "")]
    assert [name for name, _ in phone.calls].count("open") == 1


def test_d10_another_box_opens_nothing_and_restarts_nothing() -> None:
    phone, told = MemoryPhone(mac="0C11050A9999"), list[tuple[str, str]]()
    errands = Errands(time)
    errands.add(an_errand("reboot", told))
    errands.add(an_errand("open", told))
    errands.run(phone, MAC)
    assert told == [("failed", "wrong-box: 0C11050A9999 answers")] * 2
    assert "open" not in [name for name, _ in phone.calls]


def test_a23_who_waits_at_a_door_goes_first_and_is_told_though_the_phone_is_away() -> None:
    phone, told = MemoryPhone(down=True), list[tuple[str, str]]()
    errands = Errands(time)
    errands.add(an_errand("reboot", told))
    errands.add(an_errand("open", told))
    assert errands.calls()
    with pytest.raises(Offline):
        errands.run(phone, MAC)
    assert told == [("offline", "no answer")]
    assert not errands.calls()
    phone.down = False
    errands.run(phone, MAC)
    assert told[1:] == [("failed", "unsupported: this cannot be done from here")]


def test_m111_another_box_is_set_up_and_told_of_anew(sim: PluggedIn) -> None:
    said = list[tuple[str, str]]()
    with closing(ServicedPhone(sim.url, None, profile_of("X916").paced(0, 0))) as phone:
        errands = Errands(time)
        kept = Upkeep(lines=(f"{VOLUME} = 7",))
        errands.keep(kept, lambda state, reason: said.append((state, reason)))
        errands.run(phone, sim.mac)
        sim.do(lambda one: one.config.values.update({VOLUME: "3"}))
        errands.run(phone, sim.mac)
        assert config(sim, VOLUME) == "3", "it was looked at a moment ago"
        errands.forget()
        errands.run(phone, sim.mac)
    assert config(sim, VOLUME) == "7"
    assert said == [("verified", "")] * 2
