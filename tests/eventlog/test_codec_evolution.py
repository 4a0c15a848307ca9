"""Old bytes are read by new code: the writer's schema stays, the reader's defaults fill in."""

from datetime import time
from typing import Any, Literal
from uuid import UUID

from domain.record import ERASED, Personal, frozen
from eventlog.codec import RecordCodec, aad
from eventlog.sealing import SubjectKey
from schemas.stream import registered

PLACE = aad(UUID(int=1), UUID(int=2), 1, UUID(int=3))
KEY = SubjectKey(id=b"k" * 8, dek=b"d" * 32)


Hidden = Personal[str]
MaybeHidden = Personal[str | None]


def record(name: str, hints: dict[str, Any], **defaults: Any) -> Any:
    made: Any = type(name, (), {"__annotations__": hints, **defaults})
    return frozen(made)


def evolved(old: Any, new: Any, fact: Any, key: SubjectKey | None = KEY) -> Any:
    """A fact of the old kind, written by an old release and read by a new one."""
    before = registered(old)
    body = RecordCodec({old.__name__: old}, before).encode(fact, KEY, PLACE)
    after = registered(new, base=before)
    assert len(after.entries) == 2
    return RecordCodec({new.__name__: new}, after).decode(body, key, PLACE)


def test_an_added_field_has_its_default_also_where_avro_writes_it_otherwise() -> None:
    old = record("Noted", {"text": str})
    added = {"n": int, "at": time, "who": UUID | None, "many": frozenset[str], "kind": Literal["a"]}
    defaults = {"n": 7, "at": time(23, 59), "many": frozenset({"x", "y"}), "kind": "a"}
    new = record("Noted", {"text": str} | added, **defaults)
    assert evolved(old, new, old(text="hello")) == new(text="hello", who=None, **defaults)


def test_a_field_that_was_given_up_is_passed_over() -> None:
    old = record("Noted", {"text": str, "gone": str | None, "last": int})
    new = record("Noted", {"text": str, "last": int})
    assert evolved(old, new, old(text="hello", gone="x", last=3)) == new(text="hello", last=3)


def test_a_new_symbol_reads_old_ones() -> None:
    old = record("Noted", {"kind": Literal["a", "b"]})
    new = record("Noted", {"kind": Literal["c", "b", "a"]})
    assert evolved(old, new, old(kind="b")) == new(kind="b")


def test_a_personal_field_added_beside_another() -> None:
    old = record("Noted", {"name": Hidden})
    new = record("Noted", {"name": Hidden, "mail": MaybeHidden})
    fact = old(name="Ann")
    assert evolved(old, new, fact) == new(name="Ann", mail=None)
    assert evolved(old, new, fact, key=None) == new(name=ERASED, mail=ERASED)


def test_the_first_personal_field_of_a_kind_has_its_default_in_old_facts() -> None:
    old = record("Noted", {"text": str})
    new = record("Noted", {"text": str, "mail": MaybeHidden})
    assert evolved(old, new, old(text="hello")) == new(text="hello", mail=None)


def test_a_kind_that_lost_its_last_personal_field_reads_on() -> None:
    old = record("Noted", {"text": str, "mail": MaybeHidden})
    new = record("Noted", {"text": str})
    assert evolved(old, new, old(text="hello", mail="a@b.c")) == new(text="hello")


def test_a_field_added_within_a_record_within_a_set() -> None:
    old_hours = record("Hours", {"start": time})
    new_hours = record("Hours", {"start": time, "end": time}, end=time(23, 59))
    old = record("Noted", {"hours": frozenset[old_hours]})  # type: ignore[valid-type]
    new = record("Noted", {"hours": frozenset[new_hours]})  # type: ignore[valid-type]
    fact = old(hours=frozenset({old_hours(start=time(8))}))
    wanted = frozenset({new_hours(start=time(8), end=time(23, 59))})
    assert evolved(old, new, fact) == new(hours=wanted)
