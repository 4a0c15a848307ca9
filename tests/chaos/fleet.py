"""D12: two hundred phones under mixed faults while rights change; then every one is right again."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice, takewhile
from random import Random
from threading import Event as Flag
from threading import Thread
from time import monotonic
from uuid import UUID

from device_adapters.patience import Patience
from device_adapters.port import Failure
from device_adapters.simulator.fleet import Fleet
from device_adapters.simulator.weather import brew, forecast
from device_adapters.terms import Rhythm
from domain.access_groups import Door
from domain.ids import GroupId, ResidentId
from domain.kernel import Event
from domain.residents import GroupsChosen, PinRevoked
from tests.builders import a_community, a_group, a_pin, a_resident
from tests.chaos.result import Result
from tests.device_adapters.houses import House, a_house, registered
from tests.scenario import a_log

PHONES, BUILDING, PEOPLE = 200, 10, 25  # PEOPLE of each BUILDING of so many phones
MODELS = ("X916", "R29", "R20A", "S532")
STRUCK_SECONDS = 20.0
HEALED_SECONDS = 60.0  # SLO6
# As in a house, but that whatever it does of its own accord it does within a few seconds.
RHYTHM = Rhythm(
    heartbeat=2,
    scan=8,
    first_retry=0.2,
    last_retry=4,
    offline_after=5,
    patience=Patience(looks=(0.2, 0.5, 1), breaker=2, longest=4, revocation=1),
)


def group_id(building: int) -> GroupId:
    return GroupId(UUID(int=7000 + building))


def person_id(building: int, n: int) -> ResidentId:
    return ResidentId(UUID(int=1_000_000 + building * 1000 + n))


def pin_of(random: Random, building: int, n: int) -> str:
    return f"{1 + random.randrange(8)}{building:02}{n:03}"


def settled(fleet: Fleet) -> Iterator[Event]:
    """A community in which every building has its doors and its people."""
    yield a_community()
    phones = [registered(n, sim) for n, sim in enumerate(fleet)]
    yield from phones
    for building in range(len(phones) // BUILDING):
        own = phones[building * BUILDING :][:BUILDING]
        doors = [Door(device=phone.device, relay=1) for phone in own]
        yield a_group(group_id(building), *doors, name=f"Building {building}", number=building + 1)
        for n in range(PEOPLE):
            yield a_resident(person_id(building, n), group_id(building))
            yield a_pin(f"1{building:02}{n:03}", person_id(building, n))


def changes(random: Random, buildings: int) -> Iterator[Event]:
    """Somebody gets another PIN, loses it, moves out of the group or into it, without end."""
    while True:
        building, n = random.randrange(buildings), random.randrange(PEOPLE)
        who = person_id(building, n)
        yield random.choice(
            (
                a_pin(pin_of(random, building, n), who),
                PinRevoked(resident=who),
                GroupsChosen(resident=who, groups=frozenset()),
                GroupsChosen(resident=who, groups=frozenset({group_id(building)})),
            )
        )


@contextmanager
def busy(house: House, seed: int, every: float) -> Iterator[None]:
    stop = Flag()
    buildings = max(len(house.fleet) // BUILDING, 1)

    def work() -> None:
        for fact in changes(Random(seed), buildings):
            if stop.wait(every):
                return
            house.happen(fact)

    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def is_right(house: House, n: int) -> bool:
    """Not one that is still starting again."""
    try:
        return house.is_right(n)
    except Failure:
        return False


def until_right(house: House, within: float) -> dict[int, float]:
    """Seconds until each phone held exactly what it should; who never did is not in it."""
    began, took = monotonic(), dict[int, float]()
    while len(took) < len(house.fleet) and monotonic() - began < within:
        for n in set(range(len(house.fleet))) - took.keys():
            if is_right(house, n):
                took[n] = monotonic() - began
    return took


def fleet_heals(
    seconds: float,
    seed: int,
    phones: int = PHONES,
    rhythm: Rhythm = RHYTHM,
    struck: float = STRUCK_SECONDS,
    within: float = HEALED_SECONDS,
) -> Result:
    """D12: trouble for so many seconds, at each phone every STRUCK_SECONDS on average."""
    result = Result(note=f"{phones} phones, {PEOPLE} people each")
    models = islice(cycle(MODELS), phones)
    with Fleet(models, seed=seed) as fleet:
        log = a_log(*settled(fleet))
        with a_house(fleet, log=log, rhythm=rhythm) as house:
            first = until_right(house, 60)
            weather = forecast(phones, struck / phones, seed)
            troubles = list(takewhile(lambda one: one.at < seconds, weather))
            with busy(house, seed, every=4 / phones):
                fleet.run(brew([one.phone for one in fleet], troubles))
            for phone in fleet:
                phone.clear_faults()
            healed = until_right(house, within)
            again = [n for n in healed if not is_right(house, n)]
    result.kills, result.heals = len(troubles), list(healed.values())
    result.wrong += [f"phone {n} was never right" for n in range(phones) if n not in first]
    result.wrong += [f"phone {n} did not heal" for n in range(phones) if n not in healed]
    result.wrong += [f"phone {n} did not stay right" for n in again]
    return result
