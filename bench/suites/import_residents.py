"""A sheet of 10,000 residents, all or nothing, through HTTP and by its parts; and the same people
row by row through the API (300 of them, extrapolated). `python -m bench import_residents`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from statistics import median
from time import perf_counter
from typing import TypeVar
from uuid import uuid4

from uuid_utils.compat import uuid7

from bench.community import Community, an_import, people_of, sheet
from bench.load import Wrong, drive, expect
from bench.machine import Meter
from bench.results import QUICK, SANE, Absurd, noise, save, show
from bench.running import Gatehouse, a_gatehouse
from bootstrap import House
from commands.bus import HANDLERS, Things
from commands.residents.rows import ResidentRow
from commands.residents.sheet import ImportResidents
from domain.accounts import Actor
from domain.ids import CommunityId
from eventlog.port import Envelope
from schemas.sheets import read_sheet
from schemas.sheets.rows import columns_of, load

T = TypeVar("T")
PARTS = ("read", "load", "decide", "append")
TIMES_ROW_BY_ROW, SECONDS = 20, 1.0  # goals of speed.md, for 10,000 rows
ACTOR = Actor(name="bench", role="system")


@dataclass
class Clock:
    """Seconds of each part, one a round."""

    taken: dict[str, list[float]] = field(default_factory=dict)
    foreign: dict[str, list[float]] = field(default_factory=dict)

    def time(self, part: str, act: Callable[[], T]) -> T:
        meter, begun = Meter(), perf_counter()
        made = act()
        self.taken.setdefault(part, []).append(perf_counter() - begun)
        self.foreign.setdefault(part, []).append(meter.usage().foreign)
        return made

    def seconds(self, part: str) -> float:
        return median(self.taken[part])


def main(rounds: int = 3) -> None:
    people, sample = (1000, 50) if rounds <= QUICK else (10_000, 300)
    clock, data = Clock(), sheet(people)
    with a_gatehouse() as house:
        parts = House(house.config())
        try:
            row_by_row(Community.empty(house, sample), clock, people, sample)
            for _ in range(rounds):
                in_parts(parts, Community.empty(house, people), clock, data)
                whole(house, clock, data, people)
        finally:
            parts.close()
    report(clock, people, sample, len(data))


def whole(house: Gatehouse, clock: Clock, data: bytes, people: int) -> None:
    """Also until the last read model shows them."""
    town = Community.empty(house, people)
    clock.time("HTTP", lambda: town.all([an_import(town, data)]))
    clock.time("shown", house.settled)
    if (found := people_of(town)) != people:
        raise Wrong(f"{found} residents instead of {people}")


def in_parts(house: House, town: Community, clock: Clock, data: bytes) -> None:
    """As commands.http and the bus do it, in this process."""
    sheet = clock.time("read", lambda: read_sheet(data, list(columns_of(ResidentRow).values())))
    rows = clock.time("load", lambda: tuple(load(ResidentRow, sheet)))
    command, home = ImportResidents(rows=rows), CommunityId(town.id)
    things = Things(house.log, home, ACTOR, datetime.now(UTC), uuid7, Random())
    events = clock.time("decide", lambda: HANDLERS[ImportResidents](command, things))
    envelope = Envelope(command=command, command_id=uuid4(), community=home, actor=ACTOR.name)
    clock.time("append", lambda: house.log.append(envelope, events, things.guards))
    town.house.settled()


def row_by_row(town: Community, clock: Clock, people: int, sample: int) -> None:
    """Each person by add-resident, issue-pin and issue-card, one after another."""
    asks = [ask for n in range(sample) for ask in town.move_in(n, sample)]
    load = drive(town.house.port, [asks], check=expect(202))
    clock.taken.setdefault("row by row", []).append(load.seconds / sample * people)
    clock.foreign.setdefault("row by row", []).append(load.usage.foreign)
    town.house.settled()


def report(clock: Clock, people: int, sample: int, size: int) -> None:
    spread = {name: (min(each), max(each)) for name, each in clock.taken.items()}
    names = {
        "HTTP": "through HTTP, all or nothing",
        **{part: f"  {part}, in this process" for part in PARTS},
        "shown": "then, until every read model has them",
        "row by row": f"row by row, {sample} extrapolated",
    }
    show(
        ("import_residents", "s", "range", "rows/s", "others' CPU"),
        [
            (
                name,
                f"{clock.seconds(key):.2f}",
                "{:.2f} - {:.2f}".format(*spread[key]),
                f"{people / clock.seconds(key):,.0f}",
                noise(median(clock.foreign[key])),
            )
            for key, name in names.items()
        ],
    )
    ratio = clock.seconds("row by row") / clock.seconds("HTTP")
    within = SECONDS / (clock.seconds("HTTP") / people * 10_000)
    ratios = [("times row by row", ratio, TIMES_ROW_BY_ROW), ("of 1 s for 10,000", within, 1)]
    show(("ratio", "median", "goal"), [(name, f"{r:.2f}", goal) for name, r, goal in ratios])
    save(
        "import_residents",
        {"people": people, "bytes": size, "seconds": clock.taken, "foreign": clock.foreign},
    )
    if ratio < TIMES_ROW_BY_ROW * SANE:
        raise Absurd(f"the import is only {ratio:.1f} times as fast as row by row")


if __name__ == "__main__":
    main()
