"""From the answer "the PIN is issued" until the phone would open, on lanes that are idle.

Once with no pauses between requests (DEVICE_PACE=0), once at the pace that real phones need. Peer:
a poller that looks every 500 ms waits 250 ms at the mean. Limit: commit, NOTIFY and the listener's
waking. `python -m bench push`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from time import perf_counter, sleep
from uuid import UUID

from bench.community import A_HOUSEHOLD, Community, homes
from bench.load import Wrong, ask, expect, percentile
from bench.machine import Meter
from bench.results import QUICK, Absurd, noise, save, show
from bench.running import Gatehouse, a_gatehouse
from device_adapters.simulator.fleet import Fleet, PluggedIn

PINS = map(str, count(20_000_000))
LOOK = 0.001  # between two looks at what the phone holds
PATIENCE = 30
POLLER = 0.25
GOAL = 20  # times a poller's mean
TOO_SLOW = 5.0
LOCAL = "127.0.0.0/8"
DAILY = {"repeat": "daily", "start": "00:00", "end": "23:59"}
KINDS = {
    "granted": "issued, after the answer",
    "asked": "issued, from the request on",
    "withdrawn": "revoked, after the answer",
}


@dataclass(frozen=True)
class Taken:
    """Seconds, sorted, of grants and revocations; a grant also from when it was asked for."""

    granted: Sequence[float]
    withdrawn: Sequence[float]
    asked: Sequence[float]
    foreign: float


@dataclass(frozen=True)
class Door:
    """A phone, and the one person who may open it."""

    town: Community
    phone: PluggedIn
    who: UUID

    def once(self) -> tuple[float, float, float]:
        """Seconds to grant after the answer, to withdraw after the answer, to grant in all."""
        pin = next(PINS)
        asked, answered = self.say("issue-pin", pin=pin)
        self.until(lambda: self.holds(pin))
        granted = perf_counter()
        if not self.phone.punch(pin).opened:
            raise Wrong("the phone holds the PIN and does not open")
        self.rest("verified")
        _, gone = self.say("revoke-pin")
        self.until(lambda: not self.holds(pin))
        withdrawn = perf_counter()
        self.rest("")
        return granted - answered, withdrawn - gone, granted - asked

    def say(self, name: str, **body: str) -> tuple[float, float]:
        """When it was asked, and when the answer was there."""
        command = self.town.command(name, resident=str(self.who), **body)
        answer, asked, answered = ask(self.town.house.port, command)
        expect(202)(answer)
        return asked, answered

    def holds(self, pin: str) -> bool:
        return self.phone.do(lambda phone: any(row["PrivatePIN"] == pin for row in phone.users))

    def rest(self, state: str) -> None:
        """Until the lane has read it back, said so, and has nothing more to do."""
        self.until(lambda: self.standing() == state, 0.05)
        sleep(0.05)

    def standing(self) -> str:
        answer, *_ = ask(self.town.house.port, self.town.get(f"residents/{self.who}/doors"))
        if answer.status == 404:
            return ""  # the screen has not heard of the person yet
        expect(200)(answer)
        said = json.loads(answer.body)
        phones = [*said["doors"], *said["withdrawing"]]
        states = {one["state"] for phone in phones for one in phone["credentials"]}
        return ",".join(sorted(states))

    def until(self, ready: Callable[[], bool], pause: float = LOOK) -> None:
        deadline = perf_counter() + PATIENCE
        while not ready():
            if perf_counter() > deadline:
                raise Wrong(f"not so in {PATIENCE} s")
            sleep(pause)


def main(rounds: int = 5) -> None:
    quick = rounds <= QUICK
    with a_gatehouse(DEVICE_NETWORKS=LOCAL, DEVICE_PACE="0") as house:
        woken = wakings(house, 50 if quick else 500)
        found = {"no pauses": measure(house, 1, 10 if quick else 100)}
    if not quick:
        with a_gatehouse(DEVICE_NETWORKS=LOCAL) as house:
            found["the real pace"] = measure(house, 6, 5)
    report(woken, found)


def measure(house: Gatehouse, lanes: int, times: int) -> Taken:
    """Every phone on its own lane, out of step with the others."""
    with Fleet(["X916"] * lanes) as fleet:
        doors = furnished(house, fleet)
        samples = list[tuple[float, float, float]]()
        meter = Meter()
        with ThreadPoolExecutor(lanes) as pool:
            for each in pool.map(lambda one: [one.once() for _ in range(times)], doors):
                samples += each
        usage = meter.usage()
        for door in doors:
            door.town.say("remove-device", device=door.town.an_id("phone", door.phone.mac))
    granted, withdrawn, asked = (sorted(each) for each in zip(*samples, strict=True))
    return Taken(granted, withdrawn, asked, usage.foreign)


def furnished(house: Gatehouse, fleet: Fleet) -> list[Door]:
    """For each phone a group that it alone is in, and one person of that group, without codes."""
    town = Community.empty(house, A_HOUSEHOLD * len(fleet))
    for phone, home in zip(fleet, homes(A_HOUSEHOLD * len(fleet)), strict=True):
        device, group, who = (town.an_id(kind, phone.mac) for kind in ("phone", "group", "person"))
        flat = town.an_id(*home)
        box = {"mac": phone.mac, "model": "X916", "firmware": "1", "address": phone.url}
        town.say(
            "register-device",
            device=device,
            name=phone.mac,
            box=box,
            relays=[{"number": 1, "name": "door"}],
            place={"apartment": flat},
        )
        opens = [{"device": device, "relay": 1}]
        town.say("create-access-group", group=group, name=phone.mac, schedule=DAILY, doors=opens)
        contact = {"first_name": "Ann", "last_name": phone.mac}
        town.say("add-resident", resident=who, apartment=flat, contact=contact, groups=[group])
    doors = [Door(town, phone, UUID(town.an_id("person", phone.mac))) for phone in fleet]
    for door in doors:
        door.once()  # the first one waits for the phone to be looked over
    return doors


def wakings(house: Gatehouse, times: int) -> Sequence[float]:
    """Seconds from before a commit that notifies until a listener on another connection wakes."""
    taken = list[float]()
    with house.database() as listener, house.database() as speaker:
        listener.execute("listen bench")
        for _ in range(times):
            begun = perf_counter()
            speaker.execute("notify bench")
            for _told in listener.notifies(timeout=5, stop_after=1):
                taken.append(perf_counter() - begun)
    if len(taken) != times:
        raise Wrong("a notification did not come")
    return sorted(taken)


def report(woken: Sequence[float], found: Mapping[str, Taken]) -> None:
    lines = {
        f"{what}, {pace}": (getattr(taken, kind), taken.foreign)
        for pace, taken in found.items()
        for kind, what in KINDS.items()
    }
    lines["NOTIFY and waking alone"] = (woken, 0.0)
    show(
        ("push", "n", "p50 ms", "p99 ms", "others' CPU"),
        [
            (name, len(each), *(f"{percentile(each, q) * 1e3:.1f}" for q in (0.5, 0.99)), noise(f))
            for name, (each, f) in lines.items()
        ],
    )
    middle = percentile(found["no pauses"].asked, 0.5)  # never too good, for it holds the command
    show(("ratio", "median", "goal"), [("times a 500 ms poller", f"{POLLER / middle:.1f}", GOAL)])
    save("push", {"seconds": {name: each for name, (each, _) in lines.items()}})
    if middle > TOO_SLOW:
        raise Absurd(f"a PIN takes {middle:.1f} s to an idle phone")


if __name__ == "__main__":
    main()
