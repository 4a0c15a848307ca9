"""A simulated lock gateway: it speaks docs/lock-gateway.md for locks that are not there.

As with the phones, what can go wrong with it is a switch.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from marshmallow import ValidationError

from device_adapters.locks.brands import PROFILES
from domain.access_groups import Schedule
from domain.locks import RULES, Brand
from schemas.of import schema_of

TIMES: Final = schema_of(Schedule)(many=True)
MOST_OF_A_LOG: Final = 1000
Answer = tuple[int, Mapping[str, Any]]


class Refused(Exception):
    """With a status, and a reason in words."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass
class SimLock:
    """`deaf`: it says yes and does nothing; `stale`: so many readings still give what was before;
    `keeps`: of a write only so many people; `poison`: keys that it refuses.
    """

    brand: Brand
    serial: str
    model: str = "Simulated"
    firmware: str = "1.0.0"
    room: int = 500
    zone: str = "UTC"
    reachable: bool = True
    deaf: bool = False
    keeps: int | None = None
    stale: int = 0
    poison: frozenset[str] = frozenset()
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    open_times: Sequence[Schedule] = ()
    opened: int = 0
    log: list[dict[str, Any]] = field(default_factory=list)
    _before: dict[str, dict[str, Any]] = field(default_factory=dict)

    def show(self) -> list[dict[str, Any]]:
        shown = self._before if self.stale else self.people
        self.stale = max(0, self.stale - 1)
        return list(shown.values())

    def change(self, people: dict[str, dict[str, Any]]) -> None:
        if not self.stale:
            self._before = self.people
        if not self.deaf:
            self.people = people

    def present(self, kind: str, code: str, at: datetime) -> bool:
        """Somebody at the door: whether it opens, which goes into its log."""
        holds = [one for one in self.people.values() if has(one, kind, code)]
        zone = ZoneInfo(self.zone)
        lets_in = any(w.covers(at, zone) for one in holds for w in TIMES.load(one["times"]))
        self.note(kind, at, lets_in, code)
        return lets_in

    def told(self) -> Mapping[str, Any]:
        """Without codes."""
        return {
            "brand": self.brand,
            "reachable": self.reachable,
            "people": len(self.people),
            "opened": self.opened,
            "zone": self.zone,
        }

    def is_held_open(self, at: datetime) -> bool:
        return any(when.covers(at, ZoneInfo(self.zone)) for when in self.open_times)

    def note(self, method: str, at: datetime, opened: bool, code: str = "") -> None:
        id = self.log[-1]["id"] + 1 if self.log else 1
        line = {"id": id, "at": at.isoformat(), "method": method, "code": code, "opened": opened}
        self.log = [*self.log, line][-MOST_OF_A_LOG:]


SWITCHES: Final[Mapping[str, Callable[[Any], object]]] = {
    "reachable": bool,
    "deaf": bool,
    "stale": int,
    "room": int,
}


def has(person: Mapping[str, Any], kind: str, code: str) -> bool:
    return bool(code == person["pin"] if kind == "pin" else code in person["cards"])


class Gateway:
    """All the locks of a maker's account. Not thread-safe: whoever serves it asks one by one."""

    def __init__(
        self,
        locks: Iterable[SimLock],
        login: tuple[str, str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.locks = {lock.serial: lock for lock in locks}
        self.login, self.now = login, now
        self.started = now()
        self.down = False
        self.asked: list[tuple[str, str]] = []

    def answer(
        self, method: str, path: str, query: Mapping[str, str], body: Any, login: object
    ) -> Answer:
        """The status and the JSON of an answer. `path` as in /v1/locks/SERIAL/people."""
        self.asked.append((method, path))
        try:
            return self._answer(method, path, query, body, login)
        except Refused as no:
            return no.status, {"reason": no.reason}
        except (KeyError, TypeError, AttributeError, ValidationError):
            return 422, {"reason": "not as the contract has it"}

    def control(self, what: str, said: Any) -> Answer:
        """/sim/WHAT, for whoever plays with it: no maker has that. `present`: somebody at a lock;
        `fault`: one of its switches.
        """
        try:
            if what == "state":
                return 200, {lock.serial: lock.told() for lock in self.locks.values()}
            lock = self.locks[said["lock"]]
            if what == "present":
                return 200, {"opened": lock.present(said["kind"], said["code"], self.now())}
            if what == "fault" and said["name"] in SWITCHES:
                setattr(lock, said["name"], SWITCHES[said["name"]](said["value"]))
                return 200, lock.told()
        except (KeyError, TypeError, ValueError):
            return 422, {"reason": "not understood"}
        return 404, {"reason": "nothing of the kind"}

    def _answer(
        self, method: str, path: str, query: Mapping[str, str], body: Any, login: object
    ) -> Answer:
        if self.down:
            raise Refused(503, "out of order")
        if self.login and login != self.login:
            raise Refused(401, "who are you")
        root, version, kind, serial, *rest = f"{path}////".split("/")[:6]
        lock = self.locks.get(serial)
        act = WAYS.get((method, rest[0])) if lock else None
        if (root, version, kind) != ("", "v1", "locks") or lock is None or act is None:
            raise Refused(404, "no such lock, or no such thing to do")
        if rest[0] and not lock.reachable:
            raise Refused(503, "the lock cannot be reached")
        return act(self, lock, query, body)

    def state(self, lock: SimLock, query: Mapping[str, str], body: Any) -> Answer:
        now = self.now()
        return 200, {
            "serial": lock.serial,
            "brand": lock.brand,
            "model": lock.model,
            "firmware": lock.firmware,
            "reachable": lock.reachable,
            "clock": now.isoformat(),
            "uptime": (now - self.started).total_seconds(),
            "zone": lock.zone,
            "open_times": TIMES.dump(lock.open_times),
        }

    def shown(self, lock: SimLock, query: Mapping[str, str], body: Any) -> Answer:
        return 200, {"room": lock.room, "people": lock.show()}

    def put(self, lock: SimLock, query: Mapping[str, str], body: Any) -> Answer:
        """All or nothing, but for a lock that `keeps` less."""
        new = [checked(lock, one) for one in body["people"]]
        people = lock.people | {one["key"]: one for one in new[: lock.keeps]}
        if len(people) > lock.room:
            raise Refused(409, "the lock is full")
        lock.change(people)
        return 204, {}

    def remove(self, lock: SimLock, query: Mapping[str, str], body: Any) -> Answer:
        gone = list(body["keys"])[: lock.keeps]
        lock.change({key: one for key, one in lock.people.items() if key not in gone})
        return 204, {}

    def set_zone(self, lock: SimLock, query: Mapping[str, str], body: Any) -> Answer:
        if body["zone"] not in available_timezones():
            raise Refused(422, "no such zone")
        if not lock.deaf:
            lock.zone = body["zone"]
        return 204, {}

    def hold_open(self, lock: SimLock, query: Mapping[str, str], body: Any) -> Answer:
        """M107: not every brand can."""
        if not PROFILES[lock.brand].holds_open:
            raise Refused(404, "cannot be held open by schedule")
        times = TIMES.load(body["times"])
        if not lock.deaf:
            lock.open_times = times
        return 204, {}

    def open(self, lock: SimLock, query: Mapping[str, str], body: Any) -> Answer:
        lock.opened += 1
        lock.note("remote", self.now(), opened=True)
        return 204, {}

    def logged(self, lock: SimLock, query: Mapping[str, str], body: Any) -> Answer:
        after, newest = int(query.get("after", "0")), lock.log[-1]["id"] if lock.log else 0
        base = after if newest >= after else 0
        lines = [line for line in lock.log if line["id"] > base]
        return 200, {"newest": newest, "entries": lines}


def checked(lock: SimLock, said: Mapping[str, Any]) -> dict[str, Any]:
    """A person as the lock keeps it, by the rules of its brand."""
    pin, cards = said["pin"], list(said["cards"])
    bad_pin = pin is not None and not RULES[lock.brand, "pin"].takes(pin)
    if said["key"] in lock.poison or bad_pin:
        raise Refused(422, "not a PIN for this lock")
    if not all(RULES[lock.brand, "card"].takes(code) for code in cards):
        raise Refused(422, "not a card for this lock")
    times = TIMES.dump(TIMES.load(said["times"]))
    return {"key": said["key"], "name": said["name"], "pin": pin, "cards": cards, "times": times}


Act = Callable[[Gateway, SimLock, Mapping[str, str], Any], Answer]
WAYS: Final[Mapping[tuple[str, str], Act]] = {
    ("GET", ""): Gateway.state,
    ("GET", "people"): Gateway.shown,
    ("PUT", "people"): Gateway.put,
    ("POST", "remove"): Gateway.remove,
    ("PUT", "zone"): Gateway.set_zone,
    ("PUT", "open-times"): Gateway.hold_open,
    ("POST", "open"): Gateway.open,
    ("GET", "log"): Gateway.logged,
}
