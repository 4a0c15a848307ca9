"""Runs read models, each in a thread of its own, and builds one anew beside the live one."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event as Flag
from threading import Thread
from time import monotonic
from typing import Any, Protocol

import structlog
from psycopg import Connection, OperationalError, sql

from eventlog.port import MAX_BATCH, Recorded, Unavailable, Vault
from projections.projector import Projector

LIVE, SHADOW = "read", "rebuild"
IDLE_SECONDS, RETRY_SECONDS = 1.0, 0.5
BUSY_SECONDS, BREATH_SECONDS = 0.1, 0.02
BATCH = 5000  # a document that many events touch is written once a batch
RARELY = 20_000, 50, 20
BUILDING = 7450489151653720  # with the name of a read model: the advisory lock of who builds it
log = structlog.get_logger()


class Readable(Protocol):
    def head(self) -> int: ...

    def read(
        self, *, after: int, limit: int = MAX_BATCH, wait: float = 0
    ) -> Sequence[Recorded[Any]]: ...


Connect = Callable[[str], Connection[Any]]  # a connection whose search path is that schema


@dataclass
class Runner:
    """`logs` by name; `connect` gives a connection of the role that owns the read models."""

    logs: Mapping[str, Readable]
    connect: Connect
    vault: Vault

    def run(self, kinds: Sequence[type[Projector]], stop: Flag) -> None:
        """Takes the process: what batches are made of has no cycles to look for at every turn."""
        gc.set_threshold(*RARELY)
        threads = [Thread(target=self.keep, args=(kind, stop), daemon=True) for kind in kinds]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def keep(self, kind: type[Projector], stop: Flag) -> None:
        """Until stopped: a lost connection is made anew, a failed event ends it with an alarm."""
        while not stop.is_set():
            try:
                with self.connect(LIVE) as db:
                    self.follow(self._live(kind, db), stop)
            except (OperationalError, Unavailable):
                stop.wait(RETRY_SECONDS)
            except Exception as failure:  # a read model that cannot begin must not end in silence
                log.error("read model cannot begin", model=kind.name, exc_info=failure)
                stop.wait(IDLE_SECONDS)

    def _live(self, kind: type[Projector], db: Connection[Any]) -> Projector:
        model = kind(db, self.vault)
        with db.transaction():
            row = db.execute(
                "select version from positions where name = %s", [kind.name]
            ).fetchone()
        if row is None:
            model.create()
        elif row[0] != kind.version():
            self.rebuild(kind)
        with db.transaction():
            model.position = model.held()
        return model

    def follow(self, model: Projector, stop: Flag) -> None:
        source, applied_at = self.logs[model.follows], 0.0
        while not stop.is_set():
            batch = source.read(after=model.position, limit=BATCH, wait=IDLE_SECONDS)
            if batch and not self.applied(model, batch):
                self._until_rebuilt(model, stop)
                return
            if batch and monotonic() - applied_at < BUSY_SECONDS:
                stop.wait(BREATH_SECONDS)  # what comes close together is applied together
            applied_at = monotonic() if batch else applied_at

    def applied(self, model: Projector, batch: Sequence[Recorded[Any]]) -> bool:
        """E10: nothing is skipped. One that cannot apply an event stops; the others go on."""
        try:
            model.apply(batch)
        except (OperationalError, Unavailable):
            raise
        except Exception as failure:  # whatever it is, somebody must see it and the rest go on
            place = self._first_failing(model, batch)
            said = f"{type(failure).__name__} at {place}"
            log.error("read model stopped", model=model.name, position=place, error=said)
            with model.db.transaction():
                model.db.execute(
                    "update positions set failed = %s where name = %s", [said, model.name]
                )
            return False
        return True

    def _until_rebuilt(self, model: Projector, stop: Flag) -> None:
        """Only a rebuild takes its failure back; one by other code wants a restart, too."""
        mended = "select 1 from positions where (name, version) = (%s, %s) and failed is null"
        while not stop.wait(IDLE_SECONDS):
            if model.db.execute(mended, [model.name, model.version()]).rowcount:
                return

    def _first_failing(self, model: Projector, batch: Sequence[Recorded[Any]]) -> int:
        """Apply one by one as far as it goes, so that the others' effects are there."""
        for record in batch:
            try:
                model.apply([record])
            except (OperationalError, Unavailable):
                raise
            except Exception:
                return record.position
        return batch[-1].position

    def rebuild(
        self, kind: type[Projector], progress: Callable[[int, int], None] = lambda _done, _of: None
    ) -> int:
        """From the beginning, beside the live tables, then in their place; the final position.

        One at a time: of two, one would clear away what the other is about to put in place.
        """
        with self.connect(SHADOW) as db:
            db.execute("select pg_advisory_lock(hashtextextended(%s, %s))", [kind.name, BUILDING])
            with db.transaction():
                self._clear(kind, db)
            shadow = kind(db, self.vault)
            shadow.create()
            source = self.logs[kind.follows]
            self._near(shadow, source, progress)
            with db.transaction():
                live = self._live_position(kind, db)
                while shadow.position < live and (
                    batch := source.read(after=shadow.position, limit=BATCH)
                ):
                    shadow.apply(batch)
                reached = max(shadow.position, live)  # the last reports may be forgotten
                self._swap(kind, db, reached)
            progress(reached, reached)
            return reached

    def _near(
        self, shadow: Projector, source: Readable, progress: Callable[[int, int], None]
    ) -> None:
        """To where the log stands now, and on while batches are full.

        Under steady writes none would ever be empty.
        """
        now, full = source.head(), True
        while (full or shadow.position < now) and (
            batch := source.read(after=shadow.position, limit=BATCH)
        ):
            shadow.apply(batch)
            progress(shadow.position, source.head())
            full = len(batch) == BATCH

    def _live_position(self, kind: type[Projector], db: Connection[Any]) -> int:
        """Held there until the transaction ends: no reader may see it fall back."""
        held = "select position from read.positions where name = %s for update"
        row = db.execute(held, [kind.name]).fetchone()
        return int(row[0]) if row else 0

    def _clear(self, kind: type[Projector], db: Connection[Any]) -> None:
        """What a rebuild that died has left."""
        for table in self._tables(kind, db, SHADOW):
            db.execute(sql.SQL("drop table if exists {}").format(sql.Identifier(SHADOW, table)))
        db.execute("delete from positions where name = %s", [kind.name])
        db.execute("delete from versions where name = %s", [kind.name])

    def _swap(self, kind: type[Projector], db: Connection[Any], position: int) -> None:
        for table in self._tables(kind, db, LIVE):
            db.execute(sql.SQL("drop table if exists {}").format(sql.Identifier(LIVE, table)))
        for table in self._tables(kind, db, SHADOW):
            db.execute(
                sql.SQL("alter table {} set schema {}").format(
                    sql.Identifier(SHADOW, table), sql.Identifier(LIVE)
                )
            )
        db.execute(
            "insert into read.positions (name, version, position) values (%s, %s, %s)"
            " on conflict (name) do update set version = excluded.version,"
            " position = excluded.position, failed = null, moved_at = clock_timestamp()",
            [kind.name, kind.version(), position],
        )
        db.execute(
            "insert into read.versions select * from versions where name = %s"
            " on conflict (name, community) do update set position = excluded.position",
            [kind.name],
        )

    def _tables(self, kind: type[Projector], db: Connection[Any], schema: str) -> list[str]:
        """A read model's tables are called as it is, or begin so: residents, residents_rows."""
        rows = db.execute(
            "select tablename from pg_tables where schemaname = %s"
            " and (tablename = %s or starts_with(tablename, %s))",
            [schema, kind.name, f"{kind.name}_"],
        ).fetchall()
        return [row[0] for row in rows]
