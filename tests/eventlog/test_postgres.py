"""The contract on PostgreSQL, and what only it promises."""

import time
from contextlib import closing
from datetime import timedelta

import psycopg
import pytest
from uuid_utils.compat import uuid7

from config import Database
from domain.faces import FaceEnrolled
from domain.ids import ResidentId
from domain.kernel import Claim
from domain.record import ERASED, Erased
from domain.residents import Contact, PinIssued, PinRevoked, ResidentAdded, ResidentDeleted
from eventlog.chain import links, verify
from eventlog.memory import MemoryLog
from eventlog.port import Conflict, EventLog
from eventlog.postgres import Connections, PostgresLog, PostgresVault
from eventlog.sealing import Master
from tests.builders import (
    ANN,
    BOB,
    ELSEWHERE,
    HARBOUR,
    NOW,
    a_community,
    a_pin,
    a_resident,
    vehicles,
)
from tests.eventlog.conftest import KEK
from tests.eventlog.contract import (
    EVERY_CLAIM,
    LogContract,
    envelope,
    outcome,
    pin,
    random_commands,
    store,
)


class TestPostgresLog(LogContract):
    @pytest.fixture
    def log(self, pg_log: PostgresLog) -> EventLog:
        return pg_log


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_memory_and_postgres_agree(seed: int, pg_log: PostgresLog) -> None:
    memory = MemoryLog(lambda: NOW)
    for events in random_commands(seed, 80):
        assert outcome(pg_log, events) == outcome(memory, events)
        assert pg_log.owners(HARBOUR, EVERY_CLAIM) == memory.owners(HARBOUR, EVERY_CLAIM)


def at_rest(database: Database) -> bytes:
    """Every table of the log, as it is stored."""
    with psycopg.connect(database.read) as connection, connection.cursor() as cursor:
        blocks = []
        for table in ("events", "commands", "claims", "keys"):
            with cursor.copy(f"COPY log.{table} TO STDOUT (FORMAT binary)".encode()) as copy:
                blocks += list(copy)
    return b"".join(blocks)


def test_p1_nothing_personal_is_in_the_tables(
    pg_log: PostgresLog, module_database: Database
) -> None:
    contact = Contact(first_name="Canary", last_name="Nightingale")
    pg_log.append(envelope("Goldfinch"), [a_resident(contact=contact), a_pin("86420864")], {})
    kept = at_rest(module_database)
    assert ANN.bytes in kept
    assert b"PinIssued" in kept
    for canary in (b"Canary", b"Nightingale", b"86420864", b"Goldfinch"):
        assert canary not in kept


def test_the_same_value_has_another_digest_elsewhere(pg_log: PostgresLog) -> None:
    here, there = (pg_log.vault.digest(home, "pin", "2468") for home in (HARBOUR, ELSEWHERE))
    assert here != there
    assert pg_log.vault.digest(HARBOUR, "card", "2468") not in {here, there}


def test_another_process_computes_the_same_digest(
    pg_log: PostgresLog, module_database: Database
) -> None:
    with closing(Connections(module_database.read)) as connections:
        vault = PostgresVault(connections, Master(KEK))
        assert vault.digest(HARBOUR, "pin", "2468") == pg_log.vault.digest(HARBOUR, "pin", "2468")


def test_p1_whoever_is_forgotten_is_erased_and_the_chain_still_verifies(
    pg_log: PostgresLog, module_database: Database
) -> None:
    store(pg_log, a_resident(ANN), a_pin("2468"), a_resident(BOB), a_pin("1357", BOB))
    [box] = pg_log.vault.seal(HARBOUR, [(ANN, "2468")])
    pg_log.forget(HARBOUR, [ANN])
    store(pg_log, PinRevoked(resident=ANN))
    ann, bob = (pg_log.streams(HARBOUR, [ANN, BOB])[who] for who in (ANN, BOB))
    assert [getattr(e, "pin", None) for e in ann] == [None, ERASED, None]
    assert isinstance(ann[0], ResidentAdded)
    assert isinstance(ann[0].contact, Erased)
    assert list(bob) == [a_resident(BOB), a_pin("1357", BOB)]
    assert pg_log.vault.open(HARBOUR, [(ANN, box)]) == [ERASED]
    assert pg_log.owners(HARBOUR, [pin("2468")]) == {}
    assert verify(links(module_database.read))


def test_p1_one_who_comes_back_gets_another_key(pg_log: PostgresLog) -> None:
    store(pg_log, a_resident(ANN), a_pin("2468"))
    pg_log.forget(HARBOUR, [ANN])
    store(pg_log, a_pin("1357"))
    pins = [e.pin for e in pg_log.streams(HARBOUR, [ANN])[ANN] if isinstance(e, PinIssued)]
    assert pins == [ERASED, "1357"]


def test_two_who_need_the_same_new_key_do_not_both_store_one(
    pg_log: PostgresLog, module_database: Database
) -> None:
    """The loser decides again, and seals with the winner's key."""
    with closing(PostgresLog(module_database.append, Master(KEK))) as other:
        keys, new = other._keys(HARBOUR, [a_pin("1357")])
        late = other._entry(envelope(), [a_pin("1357")], {ANN: 1}, keys, new)
        store(pg_log, a_resident(ANN))
        with pytest.raises(Conflict):
            other._appender.append(late)
        store(other, a_pin("1357"))
    assert list(pg_log.streams(HARBOUR, [ANN])[ANN]) == [a_resident(ANN), a_pin("1357")]


def test_m36_a_whole_building_moves_in_with_one_command(
    pg_log: PostgresLog, module_database: Database
) -> None:
    people = [ResidentId(uuid7()) for _ in range(2_000)]
    facts = [
        fact
        for n, who in enumerate(people)
        for fact in (a_resident(who), a_pin(f"{100_000 + n}", who))
    ]
    began = time.monotonic()
    assert pg_log.append(envelope(), facts, {}).events == 4_000
    assert time.monotonic() - began < 5
    assert [r.event for r in pg_log.read(after=3_998)] == facts[-2:]
    assert len(pg_log.owners(HARBOUR, [pin(f"{100_000 + n}") for n in range(2_000)])) == 2_000
    assert verify(links(module_database.read))


def test_recorded_at_goes_on_when_the_clock_goes_back(
    pg_log: PostgresLog, module_database: Database
) -> None:
    store(pg_log, a_community())
    with psycopg.connect(module_database.owner) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE log.events SET recorded_at = recorded_at + interval '1 hour'")
    store(pg_log, a_resident(ANN), a_pin("2468"))
    first, *later = (record.recorded_at for record in pg_log.read(after=0))
    assert later == [first + timedelta(microseconds=n) for n in (1, 2)]


def test_an_index_key_is_made_only_when_something_is_stored(
    pg_log: PostgresLog, module_database: Database
) -> None:
    assert pg_log.answer(envelope(home=ELSEWHERE)) is None
    assert pg_log.owners(ELSEWHERE, [pin("2468")]) == {}
    store(pg_log, a_community())
    with psycopg.connect(module_database.read) as connection:
        rows = connection.execute("SELECT community FROM log.keys").fetchall()
    assert rows == [(HARBOUR,)]


def test_d8_who_gave_up_a_plate_or_a_tag_is_remembered_and_a_photo_is_not(
    pg_log: PostgresLog,
) -> None:
    face = FaceEnrolled(resident=ANN, photo="a" * 64)
    store(
        pg_log, a_resident(), vehicles("AB12", tags=("E280",)), face, ResidentDeleted(resident=ANN)
    )
    gone = [Claim(kind="plate", value="AB12"), Claim(kind="uhf", value="E280"), *face.claims()]
    found = pg_log.released(HARBOUR, gone)
    assert {claim.kind: one.owner for claim, one in found.items()} == {"plate": ANN, "uhf": ANN}
