"""Photos beside the log: sealed for their subject, gone with their claim or their key (M32, P1)."""

from contextlib import closing
from random import Random

import psycopg
import pytest

from config import Database
from domain.faces import FaceEnrolled, FaceRemoved, known_by
from domain.ids import CommunityId, ResidentId
from domain.kernel import Event, Refused, Unknown
from domain.residents import ResidentDeleted
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master, Tampered
from tests.builders import ANN, BOB, ELSEWHERE, HARBOUR, a_resident
from tests.eventlog.conftest import KEK
from tests.eventlog.contract import envelope

CANARY = b"\xff\xd8\xff" + b"a face, the canary" * 100 + Random(0).randbytes(100_000)
OTHER = b"\xff\xd8\xff" + Random(1).randbytes(100_000)


@pytest.fixture
def log(pg_log: PostgresLog) -> PostgresLog:
    happened(pg_log, a_resident(ANN))
    happened(pg_log, a_resident(BOB))
    return pg_log


def happened(log: PostgresLog, *events: Event, home: CommunityId = HARBOUR) -> None:
    streams = log.streams(home, [ANN, BOB])
    asked = envelope(home=home)
    log.append(asked, events, {stream: len(past) for stream, past in streams.items()})


def enrolled(log: PostgresLog, picture: bytes = CANARY, who: ResidentId = ANN) -> FaceEnrolled:
    log.photos.keep(HARBOUR, who, picture)
    face = FaceEnrolled(resident=who, photo=known_by(picture))
    happened(log, face)
    return face


def rows(database: Database) -> list[tuple[bytes, bool]]:
    with psycopg.connect(database.append) as db:
        found = db.execute("SELECT sealed, claimed FROM log.photos ORDER BY kept_at").fetchall()
    return [(bytes(sealed), claimed) for sealed, claimed in found]


def test_m32_what_was_kept_is_there_for_another_process(
    log: PostgresLog, module_database: Database
) -> None:
    enrolled(log)
    assert log.photos.get(ANN, known_by(CANARY)) == CANARY
    with closing(PostgresLog(module_database.append, Master(KEK))) as other:
        assert other.photos.get(ANN, known_by(CANARY)) == CANARY
    assert log.photos.get(BOB, known_by(CANARY)) is None
    assert log.photos.get(ANN, known_by(OTHER)) is None


def test_p1_s11_no_byte_of_a_face_and_no_plain_hash_of_it_lies_in_clear(
    log: PostgresLog, module_database: Database
) -> None:
    enrolled(log)
    [(sealed, claimed)] = rows(module_database)
    assert claimed
    assert b"canary" not in sealed
    with psycopg.connect(module_database.append) as db, db.cursor() as cursor:
        kept = b""
        for table in ("events", "claims", "photos"):
            with cursor.copy(f"COPY log.{table} TO STDOUT (FORMAT binary)".encode()) as copy:
                kept += b"".join(map(bytes, copy))
    name = known_by(CANARY)
    assert FaceEnrolled.__name__.encode() in kept
    for secret in (name.encode(), bytes.fromhex(name), b"the canary"):
        assert secret not in kept


def test_m32_another_photo_or_none_takes_the_place_of_the_one_before(
    log: PostgresLog, module_database: Database
) -> None:
    enrolled(log)
    enrolled(log, OTHER)
    assert len(rows(module_database)) == 1
    assert log.photos.get(ANN, known_by(CANARY)) is None
    assert log.photos.get(ANN, known_by(OTHER)) == OTHER
    happened(log, FaceRemoved(resident=ANN))
    assert rows(module_database) == []


def test_m39_with_the_person_goes_the_photo(log: PostgresLog, module_database: Database) -> None:
    enrolled(log)
    enrolled(log, OTHER, BOB)
    happened(log, ResidentDeleted(resident=ANN))
    assert log.photos.get(ANN, known_by(CANARY)) is None
    assert log.photos.get(BOB, known_by(OTHER)) == OTHER
    assert len(rows(module_database)) == 1


def test_p3_with_the_key_goes_the_photo(log: PostgresLog, module_database: Database) -> None:
    enrolled(log)
    log.forget(HARBOUR, [ANN])
    assert log.photos.get(ANN, known_by(CANARY)) is None
    assert rows(module_database) == []
    with pytest.raises(Unknown):
        log.photos.keep(HARBOUR, ANN, CANARY)


def test_m32_a_refused_append_claims_nothing_and_what_nobody_claims_is_dropped_in_time(
    log: PostgresLog, module_database: Database
) -> None:
    enrolled(log)
    log.photos.keep(HARBOUR, BOB, CANARY)
    with pytest.raises(Refused, match="photo-taken"):
        happened(log, FaceEnrolled(resident=BOB, photo=known_by(CANARY)))
    assert [claimed for _, claimed in rows(module_database)] == [True, False]
    with psycopg.connect(module_database.owner) as db:
        db.execute("UPDATE log.photos SET kept_at = kept_at - interval '61 minutes'")
    enrolled(log, OTHER, BOB)
    assert [claimed for _, claimed in rows(module_database)] == [True, True]
    assert log.photos.get(ANN, known_by(CANARY)) == CANARY


def test_m32_the_same_again_and_back_again(log: PostgresLog) -> None:
    """Each keeps what it claims, though the one before is dropped in between."""
    for picture in (CANARY, OTHER, CANARY):
        enrolled(log, picture)
        assert log.photos.get(ANN, known_by(picture)) == picture


def test_a_photo_opens_only_for_its_subject_and_as_what_it_was(
    log: PostgresLog, module_database: Database
) -> None:
    enrolled(log)
    with psycopg.connect(module_database.owner) as db:
        db.execute(
            "UPDATE log.photos SET sealed = set_byte(sealed, 1000, 0 # get_byte(sealed, 1000) # 1)"
        )
    with pytest.raises(Tampered):
        log.photos.get(ANN, known_by(CANARY))


def test_another_photo_in_its_place_is_not_taken_for_it(
    log: PostgresLog, module_database: Database
) -> None:
    """Sealed for the same person, so that only what the event says tells them apart."""
    enrolled(log)
    log.photos.keep(HARBOUR, ANN, OTHER)
    with psycopg.connect(module_database.owner) as db:
        db.execute(
            "UPDATE log.photos SET sealed = (SELECT sealed FROM log.photos WHERE NOT claimed)"
        )
    assert log.photos.get(ANN, known_by(CANARY)) is None


def test_a_person_elsewhere_has_photos_of_their_own(log: PostgresLog) -> None:
    happened(log, a_resident(ANN), home=ELSEWHERE)
    enrolled(log)
    log.photos.keep(ELSEWHERE, ANN, OTHER)
    happened(log, FaceEnrolled(resident=ANN, photo=known_by(OTHER)), home=ELSEWHERE)
    assert log.photos.get(ANN, known_by(OTHER)) == OTHER
    assert log.photos.get(ANN, known_by(CANARY)) == CANARY


def test_only_the_append_role_may_read_photos_and_nobody_may_write_them(
    log: PostgresLog, module_database: Database
) -> None:
    enrolled(log)
    for conninfo in (module_database.read, module_database.project):
        with (
            psycopg.connect(conninfo) as db,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            db.execute("SELECT sealed FROM log.photos")
    with (
        psycopg.connect(module_database.append) as db,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        db.execute("DELETE FROM log.photos")
