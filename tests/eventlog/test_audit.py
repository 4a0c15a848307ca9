import psycopg

from config import Database
from domain.kernel import Event
from domain.residents import PinRevoked
from domain.settings import PinModeChanged
from eventlog.audit import Taken, differences
from eventlog.postgres import PostgresLog
from tests.builders import ANN, BOB, FLAT_2, HARBOUR, a_community, a_pin, a_resident, cards
from tests.eventlog.contract import store

PAST: tuple[Event, ...] = (
    a_community(),
    a_resident(ANN),
    a_resident(BOB, home=FLAT_2),
    a_pin("2468", ANN),
    a_pin("1357", BOB, FLAT_2),
    a_pin("8642", ANN),
    PinRevoked(resident=BOB),
    cards(ANN, "0A1B", "FF01"),
    cards(ANN, "FF01"),
    PinModeChanged(community=HARBOUR, pin_mode="apt_pin"),
)


def told(log: PostgresLog, database: Database) -> list[str]:
    with psycopg.connect(database.read) as db:
        rows = db.execute(
            "SELECT community, kind, key, discriminator, owner, place FROM log.claims"
        )
        stored: list[Taken] = [(c, k, bytes(key), d, o, p) for c, k, key, d, o, p in rows]
    return list(differences(log.read(after=0), stored, log.vault.digest))


def test_a6_the_claims_are_what_the_log_says(
    pg_log: PostgresLog, module_database: Database
) -> None:
    for event in PAST:
        store(pg_log, event)
        assert told(pg_log, module_database) == []


def test_a6_a_claim_too_many_and_one_too_few_are_told(
    pg_log: PostgresLog, module_database: Database
) -> None:
    for event in PAST:
        store(pg_log, event)
    with psycopg.connect(module_database.owner) as db:
        db.execute("UPDATE log.claims SET owner = %s WHERE kind = 'card'", [BOB])
    assert told(pg_log, module_database) == [
        f"missing: card of {ANN} in community {HARBOUR}",
        f"too many: card of {BOB} in community {HARBOUR}",
    ]


def test_a6_a_claim_that_a_change_of_mode_would_put_elsewhere_is_told(
    pg_log: PostgresLog, module_database: Database
) -> None:
    for event in PAST:
        store(pg_log, event)
    with psycopg.connect(module_database.owner) as db:
        db.execute("UPDATE log.claims SET place = %s WHERE kind = 'pin'", [FLAT_2])
    assert told(pg_log, module_database) == [
        f"missing: pin of {ANN} in community {HARBOUR}",
        f"too many: pin of {ANN} in community {HARBOUR}",
    ]
