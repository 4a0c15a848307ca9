"""What a host needs when there is no log, and what was done there without one (D14)."""

from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag
from time import monotonic
from typing import Any, Final
from uuid import uuid5

import structlog

from commands.bus import Dispatch
from commands.emergency import RecordBreakGlass, ReportDoors
from device_adapters.emergency import snapshot, spool
from device_adapters.emergency.book import Book
from device_adapters.emergency.spool import Spooled
from device_adapters.emergency.telling import ADAPTER
from domain.accounts import Actor
from domain.ids import CommunityId
from eventlog.sealing import Master

TICK_SECONDS: Final = 0.25
REWRITTEN_SECONDS: Final = 60.0  # so that its age tells whether it was kept up to date
log = structlog.get_logger()


class Keeper:
    """Takes up what somebody ordered at this host, whose orders are done here until the log has
    them; carries them into the log; writes the snapshot.
    """

    def __init__(self, folder: Path, master: Master, book: Book, dispatch: Dispatch) -> None:
        self._folder, self._master, self._book = folder, master, book
        self._dispatch = dispatch
        self._written, self._write_at = -1, 0.0

    def adopt(self) -> None:
        found = list(spool.spooled(self._folder / spool.NAME))
        self._book.busy = frozenset(one.given.order.id for one in found if one.busy)
        for one in found:
            self._book.adopt(one.given.community, one.given.order)
            for result in one.results:
                self._book.heard(one.given.community, result)

    def write(self) -> None:
        now = monotonic()
        if self._written != self._book.edition or now >= self._write_at:
            self._written, self._write_at = self._book.edition, now + REWRITTEN_SECONDS
            snapshot.write(self._folder, self._master, self._book, datetime.now(UTC))

    def carry(self, stop: Flag) -> None:
        """For a thread: while there is no log every try takes a while."""
        while not stop.wait(TICK_SECONDS):
            try:
                for found in spool.spooled(self._folder / spool.NAME):
                    if not found.busy:
                        self._import(found)
            except Exception as trouble:  # also Unavailable: it stays where it is
                log.warning("emergency: not imported yet", error=type(trouble).__name__)
                stop.wait(1)

    def _import(self, found: Spooled) -> None:
        """Under ids of its own, so that what was half done is done once."""
        given, order = found.given, found.given.order
        record = RecordBreakGlass(
            order=order.id,
            generation=order.generation,
            open=order.open,
            doors=order.doors,
            drill=order.drill,
            given_at=given.given_at,
        )
        self._say(record, given.community, Actor(name=given.by, role="system"), order.id)
        if found.results:
            report = ReportDoors(results=found.results)
            self._say(report, given.community, ADAPTER, uuid5(order.id, "results"))
        spool.remove(found.file)
        log.warning("emergency: imported what was ordered at this host", order=str(order.id))

    def _say(self, said: object, home: CommunityId, actor: Actor, id: Any) -> None:
        self._dispatch(said, community=home, actor=actor, command_id=id)
