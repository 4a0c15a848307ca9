"""How long a withdrawn PIN stays on 90 phones, how fast a fleet heals, and what the adapters hold.

Revocations from the request until each phone was asked and had it no more, idle, while 5,500 people
are being written to every phone, and when all of them stand there, at the pace of real ones: 132 ms
a user, 0.25 s between requests, 2 s before a write can be read; and there PINs that are issued,
until each phone showed them. Healing: 200 phones with mixed faults while rights go on changing.
No peer is known; the limits are that pace and the 2 s. `python -m bench converge`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import Random
from uuid import UUID

import psutil
import psycopg

from bench.community import A_HOUSEHOLD, Community, an_import, sheet
from bench.load import Wrong, percentile
from bench.machine import Meter
from bench.results import QUICK, Absurd, noise, save, show
from bench.running import Gatehouse
from device_adapters.simulator.fleet import Fleet
from supervision import Supervised, Supervisor

LOCAL = "127.0.0.0/8"
MB = 2**20
Seconds = Sequence[float]
DAILY = {"repeat": "daily", "start": "00:00", "end": "23:59"}
SAID = """
    select extract(epoch from at)::float from read.sync_words
    where holder = %s and kind = 'pin' and state = %s and at >= to_timestamp(%s)"""
FAULTS = (
    "offline",
    "hang",
    "latency",
    "lost_ack",
    "partial_batch",
    "accept_and_drop",
    "error_rate",
)
GOALS = {
    "gone, idle": 5.0,
    "gone, behind an import": 5.0,
    "gone, all phones full": 5.0,
    "there, all phones full": 5.0,
    "healed": 60.0,
}
ABSURD = 10  # times the goal
PATIENCE = 600.0
QUIET = 12.0  # until all is read back, and the phones were told where to call
AT_EASE = 20.0  # percent of a core, by adapters that have nothing to do


@dataclass(frozen=True)
class Size:
    """`leavers` lose their PIN one after another in each of two arms; `crowd` is imported."""

    lanes: int = 90
    crowd: int = 5_500
    leavers: int = 12
    fleet: int = 200
    seconds: int = 60


SMALL = Size(lanes=4, crowd=100, leavers=2, fleet=8, seconds=4)


@dataclass(frozen=True)
class Town:
    """Phones that all serve one group, and people of that group by what they key in."""

    town: Community
    fleet: Fleet
    pins: dict[UUID, str]

    def issue(self, who: UUID, pin: str) -> None:
        self.town.say("issue-pin", resident=str(who), pin=pin)
        self.pins[who] = pin

    def revoke(self, who: UUID) -> None:
        self.town.say("revoke-pin", resident=str(who))
        self.pins.pop(who, None)

    def right(self) -> bool:
        """Whether every phone holds exactly what it should, as the phones themselves have it."""
        wanted = set(self.pins.values())
        return all(held(phone.do(lambda one: list(one.users))) == wanted for phone in self.fleet)


def held(rows: Sequence[Mapping[str, str]]) -> set[str]:
    return {row["PrivatePIN"] for row in rows}


def main(rounds: int = 3) -> None:
    size = SMALL if rounds <= QUICK else Size()
    meter = Meter()
    found = revocations(size) | {"healed": healing(size)}
    holds, full = crowded(size)
    report(found | full, holds, size, meter.usage().foreign)


def furnished(house: Gatehouse, fleet: Fleet, people: int) -> Town:
    """Each of the phones serves the whole community; `people` have a PIN at all of them."""
    town = Community.empty(house, A_HOUSEHOLD)
    phones = [(town.an_id("phone", phone.mac), phone) for phone in fleet]
    for device, phone in phones:
        box = {"mac": phone.mac, "model": "X916", "firmware": "1", "address": phone.url}
        relays = [{"number": 1, "name": "door"}]
        town.say("register-device", device=device, name=phone.mac, box=box, relays=relays, place={})
    lodge, flat, group = (town.an_id(what) for what in ("lodge", "flat", "group"))
    town.say("create-building", building=lodge, name="Lodge")
    town.say("create-apartment", apartment=flat, building=lodge, number="1")
    doors = [{"device": device, "relay": 1} for device, _ in phones]
    town.say("create-access-group", group=group, name="all", schedule=DAILY, doors=doors)
    made = Town(town, fleet, {})
    for n in range(people):
        who = UUID(town.an_id("person", n))
        town.say(
            "add-resident",
            resident=str(who),
            apartment=flat,
            role="family" if n else "master",
            contact={"first_name": "Ann", "last_name": f"{n}"},
            groups=[group],
        )
        made.issue(who, f"{10_000_000 + n}")
    until(made.right)
    return made


def revocations(size: Size) -> dict[str, Seconds]:
    """For each phone and person."""
    phones = ["X916"] * size.lanes
    with (
        Gatehouse({"DEVICE_NETWORKS": LOCAL}) as house,
        Fleet(phones, ms_per_user=132.0, pause=0.25) as fleet,
    ):
        made = furnished(house, fleet, 2 * size.leavers)
        people = list(made.pins)
        time.sleep(QUIET)
        with house.database() as db:
            idle = gone(made, db, people[: size.leavers])
            begin_import(made.town, size.crowd)
            before = len(fleet[0].phone.users)
            until(lambda: len(fleet[0].phone.users) > before)
            behind = gone(made, db, people[size.leavers :])
            if len(fleet[0].phone.users) >= size.crowd:
                raise Wrong("the import was over before the revocations were")
    return {"gone, idle": idle, "gone, behind an import": behind}


def begin_import(town: Community, people: int) -> None:
    town.build(people)
    town.all([an_import(town, sheet(people))])


def gone(made: Town, db: psycopg.Connection[tuple[object, ...]], people: Sequence[UUID]) -> Seconds:
    """One after another."""
    return [
        one for who in people for one in said(made, db, who, "withdrawn", partial(made.revoke, who))
    ]


def there(
    made: Town, db: psycopg.Connection[tuple[object, ...]], people: Sequence[UUID]
) -> Seconds:
    issued = [(who, partial(made.issue, who, f"{30_000_000 + n}")) for n, who in enumerate(people)]
    return [one for who, issue in issued for one in said(made, db, who, "verified", issue)]


def said(
    made: Town,
    db: psycopg.Connection[tuple[object, ...]],
    who: UUID,
    state: str,
    ask: Callable[[], None],
) -> Seconds:
    """From the request until that was said of each phone, by the log's clock."""
    asked = time.time()
    ask()
    found = list[float]()

    def all_said() -> bool:
        found[:] = [float(str(at)) - asked for (at,) in db.execute(SAID, [who, state, asked])]
        return len(found) >= len(made.fleet)

    until(all_said)
    return found


def healing(size: Size) -> Seconds:
    """Seconds from the end of the last fault until all phones hold what they should."""
    random = Random(1)
    with Gatehouse({"DEVICE_NETWORKS": LOCAL}) as house, Fleet(["X916"] * size.fleet) as fleet:
        made = furnished(house, fleet, 20)
        people, over = list(made.pins), time.monotonic() + size.seconds
        while time.monotonic() < over:
            for phone in random.sample(list(fleet), max(1, len(fleet) // 20)):
                phone.clear_faults()
                with suppress(KeyError):
                    phone.fault(random.choice(FAULTS))
            phone = random.choice(list(fleet))
            phone.do(lambda one: one.users.reset())
            phone.fault("reboot", seconds=1)
            who = random.choice(people)
            if who in made.pins:
                made.revoke(who)
            else:
                made.issue(who, f"{random.randrange(20_000_000, 90_000_000)}")
            time.sleep(0.5)
        for phone in fleet:
            phone.clear_faults()
        begun = time.monotonic()
        until(made.right)
        return [time.monotonic() - begun]


def crowded(size: Size) -> tuple[Mapping[str, float], dict[str, Seconds]]:
    """MB of the adapters' process (PSS) before and after its phones are full, which they are made
    without pauses; then what comes and goes there at the real pace."""
    networks = {"DEVICE_NETWORKS": LOCAL}
    with Gatehouse(networks | {"DEVICE_PACE": "0"}) as house, Fleet(["X916"] * size.lanes) as fleet:
        made = furnished(house, fleet, size.leavers)
        people = list(made.pins)
        empty = adapters_of(house).memory() / MB
        begin_import(made.town, size.crowd)
        until(lambda: all(len(phone.phone.users) > size.crowd for phone in fleet), 1.0)
        rest(house)
        full = adapters_of(house).memory() / MB
        house.down()
        for phone in fleet:
            for pace in ("ms_per_user", "pause"):
                phone.fault(pace)
        house.settings = networks
        house.up()
        rest(house)
        with house.database() as db:
            seconds = {
                "gone, all phones full": gone(made, db, people),
                "there, all phones full": there(made, db, people),
            }
    return {"no people": empty, f"{size.crowd} people on each": full}, seconds


def rest(house: Gatehouse) -> None:
    """Until the adapters have read back and said all there is."""
    adapters = psutil.Process(adapters_of(house).pid)
    quiet = 0
    while quiet < QUIET:
        quiet = quiet + 1 if adapters.cpu_percent(1) < AT_EASE else 0


def adapters_of(house: Gatehouse) -> Supervised:
    [one] = [p for p in Supervisor(house.config()).processes() if p.name == "adapters"]
    return one


def until(ready: Callable[[], bool], pause: float = 0.05) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > deadline:
            raise Wrong(f"not so in {PATIENCE:g} s")
        time.sleep(pause)


def report(
    found: Mapping[str, Sequence[float]], holds: Mapping[str, float], size: Size, foreign: float
) -> None:
    show(
        (f"converge, {size.lanes} phones; {size.fleet} heal", "n", "p50 s", "p99 s", "goal", "CPU"),
        [
            (
                name,
                len(each),
                *(f"{percentile(sorted(each), q):.2f}" for q in (0.5, 0.99)),
                f"{GOALS[name]:g}",
                noise(foreign),
            )
            for name, each in found.items()
        ],
    )
    show(("adapters", "MB (PSS)"), [(name, f"{size:.0f}") for name, size in holds.items()])
    save("converge", {"seconds": dict(found), "pss MB": dict(holds), "lanes": size.lanes})
    for name, each in found.items():
        if percentile(sorted(each), 0.99) > ABSURD * GOALS[name]:
            raise Absurd(f"{name}: {max(each):.0f} s")


if __name__ == "__main__":
    main()
