"""Facts as bytes: what goes in comes out, and what is personal never shows."""

import base64
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import settings

from domain.ids import ApartmentId, ResidentId
from domain.kernel import Event
from domain.record import ERASED, frozen
from domain.residents import Card, CardsChanged, GroupsChosen, PinIssued
from eventlog.codec import Codec, RecordCodec, Undecodable, Unregistered, aad
from eventlog.sealing import SubjectKey, Tampered
from schemas.registry import Registry
from schemas.stream import registered, schema_of, sealed_names, stored
from tests.eventlog.arbitrary import example, records

PLACE = aad(UUID(int=1), UUID(int=2), 3, UUID(int=4))
KEY = SubjectKey(id=b"key-of-4", dek=b"d" * 32)
KINDS = stored()
CODEC = RecordCodec[Any](KINDS, registered(*KINDS.values()))
ANN, HOME = ResidentId(UUID(int=11)), ApartmentId(UUID(int=21))
A_PIN = PinIssued(resident=ANN, apartment=HOME, pin="24681357", pin_mode="pin")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_of_event_comes_back_as_it_went(kind: type[Event]) -> None:
    @settings(max_examples=15, deadline=None)
    @forall(records(kind))
    def comes_back(event: Event) -> None:
        assert CODEC.decode(CODEC.encode(event, KEY, PLACE), KEY, PLACE) == event

    comes_back()


@pytest.mark.parametrize("kind", [k for k in KINDS.values() if sealed_names(k)])
def test_p1_without_its_key_all_that_is_personal_is_erased_and_the_rest_stays(
    kind: type[Event],
) -> None:
    event = example(kind)
    forgotten = replace(event, **dict.fromkeys(sealed_names(kind), ERASED))
    body = CODEC.encode(event, KEY, PLACE)
    assert CODEC.decode(body, None, PLACE) == forgotten
    assert CODEC.decode(CODEC.encode(forgotten, None, PLACE), KEY, PLACE) == forgotten


def test_p1_a_subject_that_comes_back_has_another_key_and_the_old_facts_stay_erased() -> None:
    again = SubjectKey(id=b"another1", dek=b"e" * 32)
    assert CODEC.decode(CODEC.encode(A_PIN, KEY, PLACE), again, PLACE) == replace(A_PIN, pin=ERASED)


def spellings(secret: str) -> list[bytes]:
    plain = secret.encode()
    coded = [base64.b64encode(b"x" * n + plain)[4:-4] for n in range(3)]
    wide = [secret.encode(f"utf-16-{order}") for order in ("le", "be")]
    return [plain, plain[::-1], plain.hex().encode(), plain.hex().upper().encode(), *wide, *coded]


def test_p4_neither_pins_nor_cards_nor_names_can_be_read_in_the_bytes() -> None:
    card = Card(code="CANARY0123456789", typed="Canary-0123-456789")
    cards = CardsChanged(resident=ANN, cards=frozenset({card}))
    for event, secrets in ((A_PIN, ["24681357"]), (cards, [card.code, card.typed])):
        body = CODEC.encode(event, KEY, PLACE)
        for secret in secrets:
            assert not [said for said in spellings(secret) if said in body]


def test_p4_the_search_for_canaries_finds_what_is_open() -> None:
    """The negative control of the test above."""
    body = CODEC.encode(A_PIN, KEY, PLACE)
    assert str(ANN).encode() in body


def test_p4_what_does_not_fit_is_refused_without_being_quoted() -> None:
    wrong: Any = 24681357
    with pytest.raises(TypeError) as refusal:
        CODEC.encode(replace(A_PIN, pin=wrong), KEY, PLACE)
    assert refusal.value.__suppress_context__
    assert "24681357" not in str(refusal.value)


def test_personal_fields_are_never_written_without_a_key() -> None:
    with pytest.raises(ValueError, match="PinIssued needs the key"):
        CODEC.encode(A_PIN, None, PLACE)


@pytest.mark.parametrize("at", range(len(CODEC.encode(A_PIN, KEY, PLACE))))
def test_p1_a_changed_byte_is_noticed_or_is_another_open_value(at: int) -> None:
    """The chain covers the open fields; the seal covers itself, its place and its schema."""
    body = bytearray(CODEC.encode(A_PIN, KEY, PLACE))
    body[at] ^= 1
    try:
        found = CODEC.decode(bytes(body), KEY, PLACE)
    except (Tampered, Undecodable, ValueError):
        return
    assert isinstance(found, PinIssued)
    assert found.pin in ("24681357", ERASED)


@pytest.mark.parametrize(
    "place",
    [
        aad(UUID(int=9), UUID(int=2), 3, UUID(int=4)),
        aad(UUID(int=1), UUID(int=9), 3, UUID(int=4)),
        aad(UUID(int=1), UUID(int=2), 9, UUID(int=4)),
        aad(UUID(int=1), UUID(int=2), 3, UUID(int=9)),
        aad(UUID(int=1), UUID(int=2), 3, None),
    ],
)
def test_p1_a_sealed_field_opens_only_in_its_place(place: bytes) -> None:
    with pytest.raises(Tampered):
        CODEC.decode(CODEC.encode(A_PIN, KEY, PLACE), KEY, place)


@pytest.mark.parametrize("body", [b"", b"\0\0\0", b"\0\xff\xff\xff\xff", b"\1\0\0\0\1", b"{}"])
def test_what_nobody_wrote_is_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable):
        CODEC.decode(body, KEY, PLACE)


def test_bytes_cut_short_or_left_over_are_undecodable() -> None:
    body = CODEC.encode(GroupsChosen(resident=ANN, groups=frozenset()), None, PLACE)
    for wrong in (body[:-1], body + b"\0"):
        with pytest.raises(Undecodable, match="GroupsChosen"):
            CODEC.decode(wrong, None, PLACE)


def test_equal_facts_are_equal_bytes_whatever_the_order_of_their_sets() -> None:
    ids = [UUID(int=n * 1024) for n in range(20)]  # they collide, so that a set keeps their order
    one, other = (
        GroupsChosen(resident=ANN, groups=frozenset(order))  # type: ignore[arg-type]
        for order in (ids, reversed(ids))
    )
    assert CODEC.encode(one, None, PLACE) == CODEC.encode(other, None, PLACE)


def test_a_time_without_a_zone_is_refused() -> None:
    @frozen
    class Noted:
        at: datetime

    codec = RecordCodec({"Noted": Noted}, registered(Noted))
    with pytest.raises(TypeError):
        codec.encode(Noted(at=datetime(2026, 3, 2)), None, PLACE)  # noqa: DTZ001


def test_a_kind_that_changed_since_the_lock_was_written_is_refused() -> None:
    stale = Registry.load().with_([schema_of(PinIssued) | {"fields": []}])
    with pytest.raises(Unregistered, match="PinIssued"):
        Codec(stale).encode(A_PIN, KEY, PLACE)
    with pytest.raises(Unregistered):
        Codec(registered(GroupsChosen)).encode(A_PIN, KEY, PLACE)
