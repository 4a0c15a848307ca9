"""What may have happened in a community: what the real bus makes of arbitrary commands."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from itertools import count
from random import Random
from uuid import UUID

from hypothesis import strategies as st

from commands import access_groups, apartments, devices, locks, residents
from commands.bus import Bus
from commands.residents import keys
from domain.access_groups import ALWAYS, Door
from domain.accounts import Actor
from domain.devices import Place, Relay
from domain.ids import GroupId
from domain.kernel import Event, Refused, Unknown
from domain.lifts import Floor
from domain.locks import BRANDS, SYNC_KINDS
from domain.residents import Contact, Email
from tests.builders import (
    ANN,
    ANNEX,
    ATTIC,
    BOB,
    CELLAR,
    CLEO,
    FLAT_1,
    FLAT_2,
    GATE,
    GYM,
    HARBOUR,
    LOOPBACK,
    NOW,
    STAFF,
    SWIMMERS,
    TOWER,
    a_box,
    a_community,
    a_photo,
)
from tests.scenario import a_log

HOUSE = Actor(name="house", role="system")
PEOPLE, FLATS, PHONES = st.sampled_from([ANN, BOB, CLEO]), [FLAT_1, FLAT_2], [GATE, GYM]
LOCKS = st.sampled_from([CELLAR, ATTIC])
CODES = st.one_of(st.none(), st.frozensets(st.sampled_from(["AB-12", "CD34"])))
GROUPS, BUILDINGS = st.sampled_from([SWIMMERS, STAFF]), [TOWER, ANNEX]
NAMES = st.sampled_from(["Ann", "Bo", "Zoë"])
CONTACTS = st.builds(
    Contact,
    first_name=NAMES,
    last_name=NAMES,
    email=st.sampled_from([None, Email("ann@example.org")]),
)
DOORS = st.frozensets(
    st.builds(Door, device=st.sampled_from([*PHONES, CELLAR]), relay=st.integers(1, 2)), max_size=2
)
PLACES = st.one_of(
    st.just(Place()),
    st.builds(Place, building=st.sampled_from(BUILDINGS)),
    st.builds(Place, apartment=st.sampled_from(FLATS)),
)
NEW_FLATS = {FLAT_1: (TOWER, "10#A"), FLAT_2: (ANNEX, "2")}
COMMANDS: list[st.SearchStrategy[object]] = [
    st.builds(residents.AddResident, resident=PEOPLE, apartment=st.sampled_from(FLATS),
              contact=CONTACTS, role=st.sampled_from(["master", "family"])),
    st.builds(residents.ChangeContact, resident=PEOPLE, contact=CONTACTS),
    st.builds(residents.ChooseGroups, resident=PEOPLE, groups=st.frozensets(GROUPS)),
    st.builds(residents.IssuePin, resident=PEOPLE, pin=st.sampled_from(["24", "2468", "1357"])),
    st.builds(residents.RevokePin, resident=PEOPLE),
    st.builds(residents.IssueCard, resident=PEOPLE, card=st.sampled_from(["0a:1b", "0A2C", "x"])),
    st.builds(residents.RevokeCard, resident=PEOPLE, card=st.sampled_from(["0a1b", "0A2C"])),
    st.builds(keys.ChangeVehicles, resident=PEOPLE, plates=CODES, uhf=CODES,
              long_term=st.sampled_from([None, True])),
    st.builds(keys.ChangeVehicles, resident=PEOPLE, first=st.just(date(2026, 6, 1)),
              last=st.just(date(2026, 6, 30))),
    st.builds(keys.EnrollFace, resident=PEOPLE, photo=st.sampled_from([a_photo(), a_photo(1)])),
    st.builds(keys.RemoveFace, resident=PEOPLE),
    st.builds(keys.ChooseFloors, resident=PEOPLE, floors=st.frozensets(
        st.builds(Floor, building=st.sampled_from(BUILDINGS), number=st.integers(1, 3)))),
    st.builds(residents.DeleteResident, resident=PEOPLE, with_family=st.booleans()),
    st.builds(apartments.RenameBuilding, building=st.sampled_from(BUILDINGS), name=NAMES),
    st.builds(apartments.RenameApartment, apartment=st.sampled_from(FLATS), name=NAMES),
    st.builds(access_groups.CreateAccessGroup, group=GROUPS, name=NAMES,
              schedule=st.just(ALWAYS), doors=DOORS),
    st.builds(access_groups.EditAccessGroup, group=GROUPS, name=NAMES, schedule=st.just(ALWAYS),
              doors=DOORS),
    st.builds(access_groups.DeleteAccessGroup, group=GROUPS),
    st.builds(devices.MoveDevice, device=st.sampled_from(PHONES), place=PLACES),
    st.builds(devices.RemoveDevice, device=st.sampled_from(PHONES)),
    st.builds(devices.EditDevice, device=st.sampled_from(PHONES), name=NAMES,
              relays=st.tuples(*(st.builds(Relay, number=st.just(n), name=NAMES) for n in (1, 2)))),
    st.builds(locks.RegisterLock, lock=LOCKS, brand=st.sampled_from(BRANDS), name=NAMES,
              serial=st.sampled_from(["7", "8"]), address=st.just("http://127.0.0.1:8190"),
              place=PLACES, phone=st.sampled_from([None, *PHONES])),
    st.builds(locks.RenameLock, lock=LOCKS, name=NAMES),
    st.builds(locks.MoveLock, lock=LOCKS, place=PLACES),
    st.builds(locks.LinkLock, lock=LOCKS, phone=st.sampled_from([None, *PHONES])),
    st.builds(locks.RemoveLock, lock=LOCKS),
    st.builds(locks.ChooseLockSync, brand=st.sampled_from(BRANDS),
              kinds=st.frozensets(st.sampled_from(SYNC_KINDS))),
]  # fmt: skip
BEGINNING: list[object] = [
    *(apartments.CreateBuilding(building=b, name=n) for b, n in zip(BUILDINGS, "TA", strict=True)),
    *(
        apartments.CreateApartment(apartment=flat, building=building, number=number)
        for flat, (building, number) in NEW_FLATS.items()
    ),
    *(
        devices.RegisterDevice(
            device=phone,
            name=f"Phone {n}",
            box=a_box(f"http://127.0.0.1:81{n}", f"0C11050A00{n}"),
            relays=tuple(Relay(number=k, name=f"Door {k}") for k in (1, 2)),
            place=Place(building=TOWER),
        )
        for n, phone in enumerate(PHONES, start=10)
    ),
]


def histories(most: int = 25) -> st.SearchStrategy[list[Event]]:
    return st.lists(st.one_of(COMMANDS), max_size=most).map(happened)


def happened(commands: Sequence[object]) -> list[Event]:
    """Refused commands made nothing."""
    log, ids = a_log(a_community()), count(1000)
    bus = Bus(log, lambda: NOW, lambda: GroupId(UUID(int=next(ids))), Random(0), LOOPBACK)
    for command in [*BEGINNING, *commands]:
        with suppress(Refused, Unknown):
            bus.dispatch(command, community=HARBOUR, actor=HOUSE)
    return [r.event for r in log.read(after=0)]
