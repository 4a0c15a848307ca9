"""A1, A2: whoever edits, moves, adds or removes an event is found out, at its position."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from random import Random
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from config import Database
from eventlog.chain import GENESIS, Broken, Link, chained, links, verify
from eventlog.postgres import PostgresLog
from tests.builders import ANN, BOB, a_community, a_pin, a_resident
from tests.eventlog.contract import envelope, store

GOLDEN = Link(
    position=1,
    community=UUID("00000000-0000-0000-0000-000000000001"),
    stream=UUID("0190a6f0-0000-7000-8000-00000000000b"),
    version=1,
    type="PinIssued",
    subject=UUID("0190a6f0-0000-7000-8000-00000000000b"),
    recorded_at=datetime(2026, 3, 2, 8, 30, 0, 250_001, UTC),
    actor="account:émile",
    command_id=UUID("0190a6f0-0000-7000-8000-0000000000ff"),
    cause=None,
    body_hash=sha256(b"sealed").digest(),
    hash=bytes.fromhex("2411d2d9c279405806c6d6bf160486d8b14878e4884a0a34a8523eedc3ddcb19"),
)
GOLDEN_BYTES = bytes.fromhex(
    f"""
    00000020 {"00" * 32}
    00000008 00000000 00000001
    00000010 00000000 00000000 00000000 00000001
    00000010 0190a6f0 00007000 80000000 0000000b
    00000004 00000001
    00000009 {b"PinIssued".hex()}
    00000010 0190a6f0 00007000 80000000 0000000b
    00000008 00064c06 64858291
    0000000e {"account:émile".encode().hex()}
    00000010 0190a6f0 00007000 80000000 000000ff
    ffffffff
    00000020 {sha256(b"sealed").hexdigest()}
    """
)


def test_the_golden_vector() -> None:
    assert sha256(GOLDEN_BYTES).digest() == chained(GENESIS, GOLDEN) == GOLDEN.hash
    assert verify([GOLDEN]) == GOLDEN.hash


@pytest.fixture
def stored(pg_log: PostgresLog, module_database: Database) -> str:
    """Twenty-one events with every kind of field, as PostgreSQL's own function chained them."""
    store(pg_log, a_community(), a_resident(ANN), a_resident(BOB))
    pg_log.append(replace(envelope(), cause=None), [a_pin("2468")], {ANN: 1})
    pg_log.append(envelope(actor="account:émile"), [a_pin("1357", BOB)], {BOB: 1})
    for n in range(8):
        store(pg_log, a_pin(f"31{n}"), a_pin(f"32{n}", BOB))
    return module_database.read


def test_two_programs_compute_the_same_chain(stored: str) -> None:
    chain = list(links(stored))
    assert [link.position for link in chain] == list(range(1, 22))
    assert verify(chain) == chain[-1].hash
    assert verify(links(stored, 10), 10, chain[9].hash) == chain[-1].hash


EDITS: list[LiteralString] = [
    "UPDATE log.events SET body = set_byte(body, 8, get_byte(body, 8) # 1) WHERE position = 13",
    "UPDATE log.events SET type = 'PinRevoked' WHERE position = 13",
    "UPDATE log.events SET recorded_at = recorded_at - interval '1us' WHERE position = 13",
    "UPDATE log.events SET version = version + 1000 WHERE position = 13",
    "UPDATE log.events SET stream = gen_random_uuid() WHERE position = 13",
    "UPDATE log.events SET subject = CASE WHEN subject IS NULL THEN stream END WHERE position = 13",
    "UPDATE log.events SET community = gen_random_uuid() WHERE position = 13",
    "UPDATE log.events SET actor = actor || ' ' WHERE position = 13",
    "UPDATE log.events SET command_id = gen_random_uuid() WHERE position = 13",
    "UPDATE log.events SET cause = CASE WHEN cause IS NULL THEN '' END WHERE position = 13",
    "UPDATE log.events SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE position = 13",
]


@pytest.mark.parametrize("edit", EDITS)
def test_a1_an_edit_is_found_at_its_position(
    edit: LiteralString, stored: str, module_database: Database
) -> None:
    with psycopg.connect(module_database.owner) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(edit)
    with pytest.raises(Broken) as broken:
        verify(links(stored))
    assert broken.value.position == 13


def test_a2_so_is_whatever_is_removed_moved_or_put_between(stored: str) -> None:
    chain, random = list(links(stored)), Random(7)
    for _ in range(20):
        at = random.randrange(1, len(chain) - 1)
        before, here, after = chain[:at], chain[at], chain[at + 1 :]
        removed = before + after
        swapped = [*before, after[0], here, *after[1:]]
        between = [*before, replace(here, type="PinRevoked"), here, *after]
        dated = [*before, replace(here, recorded_at=chain[0].recorded_at), *after]
        for forged in (removed, swapped, between, dated):
            with pytest.raises(Broken) as broken:
                verify(forged)
            assert broken.value.position == at + 1


def test_a2_a_gap_is_found_even_where_everything_after_it_was_hashed_anew(stored: str) -> None:
    first, second, third, fourth, *_ = links(stored)
    forged = [first, second, replace(fourth, hash=chained(second.hash, fourth))]
    with pytest.raises(Broken) as broken:
        verify(forged)
    assert broken.value.position == third.position


def test_a2_a_cut_tail_shows_only_against_a_hash_noted_elsewhere(stored: str) -> None:
    chain = list(links(stored))
    assert verify(chain[:-1]) != chain[-1].hash
