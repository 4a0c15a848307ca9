"""M15, M107, M120, M121, M133: locks of other makers, and what they are given."""

from dataclasses import replace

import pytest

from commands.access_groups import CreateAccessGroup
from commands.locks import (
    ChooseLockSync,
    ConnectLock,
    LinkLock,
    MoveLock,
    RegisterLock,
    RemoveLock,
    RenameLock,
)
from commands.residents import TakeOwnCard, TakeOwnPin
from domain import locks, rights
from domain.access_groups import ALWAYS, AccessGroup, Door
from domain.devices import Device, Login, Place
from domain.kernel import Event, fold
from domain.locks import (
    Brand,
    Lock,
    LockConnected,
    LockLinked,
    LockMoved,
    LockRegistered,
    LockRemoved,
    LockRenamed,
    LockSync,
    SyncKind,
    unfit,
)
from domain.residents import CardsChanged, PinIssued, Resident, card
from tests.builders import (
    ANN,
    ATTIC,
    CELLAR,
    EVERYBODY,
    FLAT_1,
    GATE,
    GYM,
    SWIMMERS,
    TOWER,
    a_building,
    a_community,
    a_default_group,
    a_device,
    a_group,
    a_lock,
    a_pin,
    a_resident,
    an_apartment,
    cards,
    lock_sync,
)
from tests.scenario import given

HOME = (a_community(), a_building(), an_apartment(), a_device(), a_lock())
ASK = RegisterLock(
    lock=ATTIC,
    brand="dormakaba",
    serial="D-7",
    name="Attic",
    address="http://127.0.0.1:8191/",
    place=Place(apartment=FLAT_1),
    login=Login(user="house", password="hush"),
    phone=GATE,
)
GROUP = CreateAccessGroup(
    group=SWIMMERS,
    name="Swimmers",
    schedule=ALWAYS,
    doors=frozenset({Door(device=CELLAR, relay=1)}),
)


def test_m107_m130_an_installer_registers_a_lock() -> None:
    [made] = given(*HOME).when(ASK, by="installer").decided()
    assert made == LockRegistered(
        lock=ATTIC,
        brand="dormakaba",
        serial="D-7",
        name="Attic",
        place=Place(building=TOWER, apartment=FLAT_1),
        address="http://127.0.0.1:8191",
        login=ASK.login,
        phone=GATE,
    )
    assert "hush" not in repr(made)
    given(*HOME).when(ASK).then_refused("installer-only")
    given(*HOME, made).when(ASK, by="installer").then_nothing()
    given(*HOME, made).when(replace(ASK, name="Loft"), by="installer").then_refused(
        "already-exists"
    )


@pytest.mark.parametrize(
    ("ask", "no"),
    [
        (replace(ASK, lock=GATE), "already-exists"),
        (replace(ASK, serial="a lock"), "letters, digits"),
        (replace(ASK, address="http://10.0.0.1:80"), "outside the networks"),
        (replace(ASK, address="http://locks.example"), "an IP address"),
        (replace(ASK, name=" "), "printable"),
    ],
)
def test_m107_a_lock_has_a_serial_and_a_gateway_of_ours(ask: RegisterLock, no: str) -> None:
    given(*HOME).when(ask, by="installer").then_refused(no)


def test_m15_a_lock_is_linked_to_a_phone_that_is_there() -> None:
    given(*HOME).when(replace(ASK, phone=GYM), by="installer").then_unknown("Device")
    given(*HOME).when(LinkLock(lock=CELLAR, phone=GYM), by="installer").then_unknown("Device")
    ask = LinkLock(lock=CELLAR, phone=GATE)
    linked = LockLinked(lock=CELLAR, phone=GATE)
    given(*HOME).when(ask, by="installer").then(linked)
    given(*HOME).when(ask).then_refused("installer-only")
    given(*HOME, linked).when(ask, by="installer").then_nothing()
    free = LinkLock(lock=CELLAR)
    given(*HOME, linked).when(free, by="installer").then(LockLinked(lock=CELLAR, phone=None))


def test_m107_the_manager_renames_the_installer_moves_connects_and_removes() -> None:
    given(*HOME).when(RenameLock(lock=CELLAR, name=" Bikes ")).then(
        LockRenamed(lock=CELLAR, name="Bikes")
    )
    given(*HOME).when(RenameLock(lock=CELLAR, name="Cellar")).then_nothing()
    move = MoveLock(lock=CELLAR, place=Place(apartment=FLAT_1))
    inside = Place(building=TOWER, apartment=FLAT_1)
    given(*HOME).when(move, by="installer").then(LockMoved(lock=CELLAR, place=inside))
    new = ConnectLock(lock=CELLAR, address="https://127.0.0.1:8443", login=ASK.login)
    given(*HOME).when(new, by="installer").then(
        LockConnected(lock=CELLAR, address="https://127.0.0.1:8443", login=ASK.login)
    )
    given(*HOME).when(RemoveLock(lock=CELLAR), by="installer").then(LockRemoved(lock=CELLAR))
    given(*HOME).when(RemoveLock(lock=ATTIC), by="installer").then_nothing()
    for ask in (move, new, RemoveLock(lock=CELLAR)):
        given(*HOME).when(ask).then_refused("installer-only")


def test_m107_a_lock_has_one_serial_among_its_brand() -> None:
    [claim] = a_lock(serial="7").claims()
    assert claim == a_lock(ATTIC, serial="7").claims()[0]
    assert claim != a_lock(serial="7", brand="dormakaba").claims()[0]
    assert LockRemoved.releases == ("lock",)


def test_m15_a_group_names_a_lock_but_not_one_that_follows_a_phone() -> None:
    [made] = given(*HOME).when(GROUP).decided()
    assert made.doors == GROUP.doors  # type: ignore[attr-defined]
    side = replace(GROUP, doors=frozenset({Door(device=CELLAR, relay=2)}))
    given(*HOME).when(side).then_unknown("Relay")
    linked = LockLinked(lock=CELLAR, phone=GATE)
    given(*HOME, linked).when(GROUP).then_refused("lock-follows-its-phone")


def test_m133_sync_is_a_switch_for_each_brand_and_kind() -> None:
    both = frozenset[SyncKind]({"pin", "card"})
    ask = ChooseLockSync(brand="itec", kinds=both)
    on = lock_sync("itec", "pin", "card")
    given(*HOME).when(ask).then(on)
    given(*HOME, on).when(ask).then_nothing()
    given(*HOME, on).when(replace(ask, kinds=frozenset())).then(lock_sync("itec"))
    given(*HOME).when(replace(ask, kinds=frozenset())).then_nothing()
    chosen = fold(LockSync, [on, lock_sync("dormakaba", "card"), lock_sync("itec", "pin")])
    assert chosen
    assert chosen.kinds("itec") == {"pin"}
    assert chosen.kinds("dormakaba") == {"card"}


PIN_TAKEN: list[tuple[Brand, SyncKind, str, bool]] = [
    ("dormakaba", "pin", "123456", True),
    ("dormakaba", "pin", "12345", False),
    ("dormakaba", "pin", "1234567", False),
    ("dormakaba", "card", "A" * 20, True),
    ("dormakaba", "card", "0123456789ABCDEFXYZ9", True),
    ("dormakaba", "card", "A" * 19, False),
    ("dormakaba", "card", "A" * 19 + "-", False),
    ("itec", "pin", "1234", True),
    ("itec", "pin", "12345678", True),
    ("itec", "pin", "123", False),
    ("itec", "card", "A", True),
    ("itec", "card", "0123456789ABCDEF", True),
    ("itec", "card", "0123456789ABCDEF0", False),
    ("itec", "card", "12G4", False),
]


@pytest.mark.parametrize(("brand", "kind", "code", "taken"), PIN_TAKEN)
def test_m120_m121_a39_what_each_brand_takes(
    brand: Brand, kind: SyncKind, code: str, taken: bool
) -> None:
    assert (unfit(brand, kind, [code]) is None) == taken


def test_m120_the_reason_names_the_rule_and_no_code() -> None:
    assert unfit("dormakaba", "pin", ["2468"]) == "the lock takes only PINs of exactly 6 digits"
    some = unfit("itec", "card", ["AB", "no hex"])
    assert some == "1 of 2 left out: the lock takes only cards of 1 to 16 characters of 0-9 and A-F"


def test_a8_cards_are_kept_as_locks_compare_them() -> None:
    assert unfit("itec", "card", [card("04:a3:b2").code]) is None
    assert unfit("dormakaba", "card", [card("abcdefghij0123456xyz").code]) is None


def held(lock: Lock, phone: Device | None, *facts: Event, sync: LockSync | None = None) -> set[str]:
    """The kinds of Ann's codes that a lock is to hold."""
    group = fold(AccessGroup, [f for f in facts if getattr(f, "group", None) == SWIMMERS])
    every = fold(AccessGroup, [a_default_group()])
    ann = fold(Resident, [a_resident(ANN, SWIMMERS), *facts])
    assert ann
    groups = [g for g in (group, every) if g]
    sync = sync or fold(LockSync, [lock_sync("itec", "pin", "card")])
    found = rights.entries(ann, locks.door(lock, sync, phone), groups)
    return {kind for _, kind in rights.evidence(found)}


def a_state(**changes: object) -> Lock:
    lock = fold(Lock, [a_lock()])
    assert lock
    return replace(lock, **changes)  # type: ignore[arg-type]


CODES = (a_pin("2468"), cards(ANN, "AB12"))
AT_THE_LOCK = a_group(SWIMMERS, Door(device=CELLAR, relay=1))
AT_THE_PHONE = a_group(SWIMMERS, Door(device=GATE, relay=2))
PHONE = fold(Device, [a_device()])


def test_m14_a_lock_opens_to_the_members_of_a_group_that_names_it() -> None:
    assert held(a_state(), None, *CODES, AT_THE_LOCK) == {"pin", "card"}
    assert held(a_state(), None, *CODES, AT_THE_PHONE) == set()


def test_m15_a_linked_lock_follows_its_phone_and_nothing_else() -> None:
    linked = a_state(phone=GATE)
    assert held(linked, PHONE, *CODES, AT_THE_PHONE) == {"pin", "card"}
    assert held(linked, PHONE, *CODES, AT_THE_LOCK) == set()
    for group in (AT_THE_PHONE, AT_THE_LOCK):
        assert held(linked, None, *CODES, group) == set(), "the phone is gone"


def test_m16_a_lock_in_the_public_area_belongs_to_its_buildings_default_group() -> None:
    ann = fold(Resident, [a_resident(ANN, EVERYBODY), *CODES])
    every = fold(AccessGroup, [a_default_group()])
    assert ann
    assert every
    sync = fold(LockSync, [lock_sync("itec", "pin")])
    public = locks.door(a_state(), sync, None)
    assert rights.entries(ann, public, [every])
    private = replace(public, place=Place(building=TOWER, apartment=FLAT_1))
    assert rights.entries(ann, private, [every]) == []


def test_m133_only_kinds_that_are_switched_on_for_the_brand_are_sent() -> None:
    only_pin = fold(LockSync, [lock_sync("itec", "pin")])
    other_brand = fold(LockSync, [lock_sync("dormakaba", "pin", "card")])
    assert held(a_state(), None, *CODES, AT_THE_LOCK, sync=only_pin) == {"pin"}
    assert held(a_state(), None, *CODES, AT_THE_LOCK, sync=other_brand) == set()
    assert held(a_state(), None, *CODES, AT_THE_LOCK, sync=LockSync()) == set()


OWN_PIN = PinIssued(resident=ANN, apartment=FLAT_1, pin="2468", pin_mode="pin", made_by="resident")
OWN_CARD = CardsChanged(resident=ANN, cards=frozenset({card("CD34", "resident"), card("AB12")}))


def test_m133_what_a_resident_made_is_never_sent() -> None:
    assert held(a_state(), None, OWN_PIN, AT_THE_LOCK) == set()
    ann = fold(Resident, [a_resident(ANN, SWIMMERS), OWN_CARD])
    group = fold(AccessGroup, [AT_THE_LOCK])
    assert ann
    assert group
    sync = fold(LockSync, [lock_sync("itec", "card")])
    [entry] = rights.entries(ann, locks.door(a_state(), sync, None), [group])
    assert entry.cards == {"AB12"}
    assert PHONE
    [on_a_phone] = rights.entries(ann, replace(PHONE, device=CELLAR), [group])
    assert on_a_phone.cards == {"AB12", "CD34"}


def test_m133_a3_the_app_tells_what_residents_make() -> None:
    home = (*HOME, a_resident(ANN))
    own = TakeOwnPin(resident=ANN, pin="2468")
    given(*home).when(own, by="system").then(OWN_PIN)
    given(*home).when(own).then_refused("system-only")
    for pin in ("246", "2222", "912345"):
        given(*home).when(replace(own, pin=pin), by="system").then_refused("not all the same")
    given(*home, a_pin("2468")).when(own, by="system").then_nothing()
    added = TakeOwnCard(resident=ANN, card="CD34")
    given(*home, cards(ANN, "AB12")).when(added, by="system").then(OWN_CARD)
    given(*home).when(added).then_refused("system-only")
