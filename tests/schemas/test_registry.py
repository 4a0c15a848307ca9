"""The schemas that are checked in are those of the code, and none breaks an older one."""

import os
import subprocess
import sys
from datetime import datetime, time
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest

from domain.kernel import EVENTS
from domain.record import Personal, Secret, frozen
from domain.residents import CardsChanged, PinIssued
from schemas.registry import HOME, LOCK, Registry, Schema, fingerprint
from schemas.stream import registered, schema_of, stored
from tests.schemas.evolution import breaks, broken, inner, unreadable, without_a_default

LOCKED = Registry.load()
KINDS = stored()


def test_generating_the_schemas_again_changes_nothing() -> None:
    """If this fails, run `python -m schemas.stream` (before a release: with --reset-unreleased)."""
    files = registered(*KINDS.values(), base=LOCKED).files()
    there = {str(p.relative_to(HOME)) for p in HOME.glob("avro/*.avsc")} | {LOCK}
    assert there == files.keys()
    assert [name for name, text in files.items() if (HOME / name).read_text() != text] == []


def test_every_event_is_registered() -> None:
    assert {f"gatehouse.{name}" for name in EVENTS} <= {e.subject for e in LOCKED.entries}


def test_ids_are_unique_and_only_appended_and_versions_count_from_one() -> None:
    ids = [e.id for e in LOCKED.entries]
    assert ids == sorted(set(ids))
    for subject in {e.subject for e in LOCKED.entries}:
        versions = [e.version for e in LOCKED.entries if e.subject == subject]
        assert versions == list(range(1, len(versions) + 1))


def test_every_file_is_what_its_fingerprint_says() -> None:
    assert [e for e in LOCKED.entries if fingerprint(LOCKED.schemas[e.id]) != e.fingerprint] == []


def test_no_version_breaks_another_of_its_subject() -> None:
    """FULL_TRANSITIVE, and the rules that no checker has."""
    assert broken(LOCKED) == []


@pytest.mark.parametrize("entry", LOCKED.entries, ids=lambda e: f"{e.subject}.v{e.version}")
def test_every_enum_can_grow(entry: Any) -> None:
    schema = LOCKED.schemas[entry.id]
    assert [*without_a_default(schema)] == []
    assert [*without_a_default(inner(schema))] == []


def test_the_schemas_are_the_same_whatever_the_hash_seed(tmp_path: Path) -> None:
    say = "from schemas.stream import *; print(registered(*stored().values()).files())"
    said = {
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", say],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=HOME.parent,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


Hidden = Personal[str]
MaybeHidden = Personal[str | None]
HiddenNumber = Personal[int]


def noted(hints: dict[str, Any], **defaults: Any) -> Schema:
    plain: Any = type("Noted", (), {"__annotations__": hints, **defaults})
    made: Any = frozen(plain)
    return schema_of(made)


def many_times(logical: str) -> Schema:
    at = {"name": "at", "type": {"type": "long", "logicalType": logical}}
    each = {"type": "record", "name": "Each", "fields": [at]}
    many = {"name": "many", "type": {"type": "array", "items": each}}
    return {"type": "record", "name": "Noted", "namespace": "gatehouse", "fields": [many]}


OLD = {"text": str, "at": datetime, "kind": Literal["a", "b"], "secret": Hidden}
OLD_DEFAULTS = {"tag": str | None, "code": MaybeHidden}
V1 = noted(OLD | OLD_DEFAULTS)


@pytest.mark.parametrize(
    "new",
    [
        noted(OLD | OLD_DEFAULTS | {"more": int}, more=0),
        noted(OLD | OLD_DEFAULTS | {"more": UUID | None}),
        noted(OLD | OLD_DEFAULTS | {"more": frozenset[str]}, more=frozenset()),
        noted(OLD | OLD_DEFAULTS | {"more": time}, more=time(23, 59)),
        noted(OLD | OLD_DEFAULTS | {"more": MaybeHidden}),
        noted(OLD | OLD_DEFAULTS | {"kind": Literal["a", "b", "c"]}),
        noted(OLD),
    ],
)
def test_a_schema_may_grow_with_defaults_and_give_up_what_has_one(new: Schema) -> None:
    assert breaks(V1, new) == []


@pytest.mark.parametrize(
    "new",
    [
        noted(OLD | OLD_DEFAULTS | {"more": int}),
        noted(OLD | OLD_DEFAULTS | {"more": Hidden}),
        noted(OLD | OLD_DEFAULTS | {"text": int}),
        noted(OLD | OLD_DEFAULTS | {"text": bytes}),
        noted(OLD | OLD_DEFAULTS | {"text": str | None}),
        noted(OLD | OLD_DEFAULTS | {"secret": HiddenNumber}),
        noted(OLD | OLD_DEFAULTS | {"at": int}),
        noted(OLD | OLD_DEFAULTS | {"at": time}),
        noted(OLD | OLD_DEFAULTS | {"kind": Literal["a"]}),
        noted(OLD | OLD_DEFAULTS | {"kind": str}),
        noted(OLD | OLD_DEFAULTS | {"tag": MaybeHidden}),
        noted(OLD | OLD_DEFAULTS | {"code": str | None}),
        noted({name: hint for name, hint in OLD.items() if name != "text"}),
        noted({name: hint for name, hint in OLD.items() if name != "secret"}),
    ],
)
def test_what_one_side_could_not_read_is_found(new: Schema) -> None:
    assert breaks(V1, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (V1, noted(OLD | OLD_DEFAULTS | {"at": int})),
        (V1, noted(OLD | OLD_DEFAULTS | {"text": bytes})),
        (V1, noted(OLD | OLD_DEFAULTS | {"code": str | None})),
        (noted({"n": int}, n=0), noted({"n": int}, n=1)),
        (many_times("timestamp-millis"), many_times("timestamp-micros")),
    ],
)
def test_our_own_rules_find_what_apaches_checker_lets_pass(old: Schema, new: Schema) -> None:
    assert [*unreadable(old, new)] == []
    assert breaks(old, new)


def test_a_version_is_held_against_all_before_it_and_not_the_last_alone() -> None:
    first, second = noted({"x": str}), noted({"x": str, "n": int}, n=0)
    third = noted({"x": str, "n": int})
    grown = Registry((), {}).with_([first]).with_([second])
    assert broken(grown) == []
    assert breaks(second, third) == []
    [why] = broken(grown.with_([third]))
    assert why.startswith("gatehouse.Noted 1 and 3")


def test_an_enum_without_the_default_is_found() -> None:
    kind = {"type": "enum", "name": "K", "symbols": ["a"]}
    bad = {"type": "record", "name": "Noted", "fields": [{"name": "kind", "type": kind}]}
    assert [*without_a_default(bad)] == ["Noted.kind"]


def test_what_changes_gets_a_new_id_and_the_old_one_stays() -> None:
    first = Registry((), {}).with_([V1, schema_of(PinIssued)])
    grown = first.with_([noted(OLD), schema_of(PinIssued)])
    assert grown.entries[:2] == first.entries
    assert [(e.id, e.subject, e.version) for e in grown.entries[2:]] == [(3, "gatehouse.Noted", 2)]
    assert grown.schemas[1] == V1


def test_before_a_release_a_changed_schema_takes_the_place_of_the_old_one() -> None:
    first = Registry((), {}).with_([V1, schema_of(PinIssued)])
    again = first.unreleased([noted(OLD), schema_of(CardsChanged)])
    assert [(e.id, e.subject, e.version) for e in again.entries] == [
        (1, "gatehouse.Noted", 1),
        (3, "gatehouse.CardsChanged", 1),
    ]


def test_what_was_saved_loads_again_and_stale_files_go(tmp_path: Path) -> None:
    (tmp_path / "avro").mkdir()
    Registry((), {}).with_([V1, schema_of(CardsChanged)]).save(tmp_path)
    kept = Registry((), {}).with_([V1])
    kept.save(tmp_path)
    loaded = Registry.load(tmp_path)
    assert (loaded.entries, loaded.schemas) == (kept.entries, kept.schemas)
    assert [p.name for p in (tmp_path / "avro").iterdir()] == ["Noted.v1.avsc"]


@frozen
class Badge:
    number: Secret[str]


HiddenBadges = Personal[frozenset[Badge]]


@pytest.mark.parametrize(
    ("hint", "why"),
    [
        (Badge, "Noted.x holds what is personal"),
        (frozenset[Badge], "Noted.x holds what is personal"),
        (Badge | None, "Noted.x holds what is personal"),
        (str | int, "one type"),
        (dict[str, str], "no Avro type"),
        (tuple[str, int], "no Avro type"),
        (object, "no Avro type"),
    ],
)
def test_what_cannot_be_stored_safely_is_refused(hint: Any, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        noted({"x": hint})


def test_a_record_that_holds_something_personal_is_sealed_as_a_whole() -> None:
    schema = noted({"x": HiddenBadges, "y": int})
    assert [field["name"] for field in schema["fields"]] == ["y", "sealed"]
    assert [field["name"] for field in inner(schema)["fields"]] == ["x"]
