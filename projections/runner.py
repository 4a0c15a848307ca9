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
                stop.wait()
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
        """From the beginning, beside the live tables, then in their place; the final position."""
        with self.connect(SHADOW) as db:
            with db.transaction():
                self._clear(kind, db)
            shadow = kind(db, self.vault)
            shadow.create()
            source = self.logs[kind.follows]
            self._catch_up(shadow, source, progress)
            with db.transaction():
                db.execute("select from read.positions where name = %s for update", [kind.name])
                self._catch_up(shadow, source, progress)
                self._swap(kind, db, shadow.position)
            return shadow.position

    def _catch_up(
        self, shadow: Projector, source: Readable, progress: Callable[[int, int], None]
    ) -> None:
        while batch := source.read(after=shadow.position, limit=BATCH):
            shadow.apply(batch)
            progress(shadow.position, source.head())

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
