"""Whose face opened a door: a phone's log says a name then, and no code (M85)."""

from datetime import datetime
from uuid import UUID

from commands.ingest import A_MINUTE
from device_adapters.ledger import Ledger
from device_adapters.port import Phone
from device_adapters.wants import Wants
from domain.record import Personal
from domain.rights import Entry


class Faces:
    """Of one phone. `wants` says whose it should know; `others` are those that were found there
    under names which are not, or no more, to be theirs: its log may tell of them yet.
    """

    def __init__(self, phone: Phone, wants: Wants, ledger: Ledger) -> None:
        self._phone, self._wants, self._ledger = phone, wants, ledger
        self._others: dict[str, set[UUID]] = {}

    def found(self, who: UUID, name: Personal[str], wanted: Entry | None) -> None:
        """One was there; `wanted` is what should be in its place."""
        if isinstance(name, str) and not (wanted and self._is_shown(wanted, name)):
            self._others.setdefault(name, set()).add(who)

    def was(self, before: Entry, wanted: Entry | None) -> None:
        """The same of one that was right."""
        if before.face and not (wanted and wanted.face and wanted.name == before.name):
            self.found(before.holder, self._phone.shows(before).name, wanted)

    def bearer(self, name: str, at: datetime) -> UUID | None:
        """Whose it was, if that is certain: two may be called alike, and one of them be gone."""
        wanted = {one.holder for one in self._wants.entries() if self._is_shown(one, name)}
        others = {who for who in self._others.get(name, ()) if self._was_there(who, at)}
        return next(iter(wanted)) if wanted and len(wanted | others) == 1 else None

    def _is_shown(self, entry: Entry, name: str) -> bool:
        """What a phone shows is a part of the name: that is seen sooner than how it is written."""
        if not (entry.face and isinstance(entry.name, str) and name in entry.name):
            return False
        return self._phone.shows(entry).name == name

    def _was_there(self, who: UUID, at: datetime) -> bool:
        gone = self._ledger.gone.get((who, "face"))
        return gone is None or at <= gone + A_MINUTE
