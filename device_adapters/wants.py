"""What a phone should hold: the latest wish of each person, as far as the phone can take it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal
from uuid import UUID

from device_adapters.port import Fit, Phone
from domain.devices import CredentialKind
from domain.record import frozen
from domain.rights import Entry
from domain.settings import PinMode


@frozen
class Want:
    """What one person opens at a phone. `rank`: who comes first where not all find room (D4)."""

    rank: str
    entries: tuple[Entry, ...]


Holder = Literal["staff", "resident", "temp_key"]
FIRST: Final[Mapping[Holder, str]] = {"staff": "0", "resident": "1", "temp_key": "2"}


def rank(holder: Holder, *within: str) -> str:
    """Who keeps a place on a phone that is full: staff, residents by apartment, temp keys by the
    end that comes first; never by chance (D4). `within` decides between two of a kind.
    """
    return "".join((FIRST[holder], *within))


Wishes = Mapping[UUID, Want]  # without entries: nothing any more
NOTHING = Want(rank="", entries=())


class Wants:
    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self.pin_mode: PinMode = "pin"
        self.zone: str | None = None
        self._people: dict[UUID, Want] = {}
        self._fits: dict[str, Fit] = {}
        self._over: Mapping[str, str] = {}

    def take(self, wishes: Wishes) -> set[str]:
        """The keys that are now wanted otherwise."""
        changed = set[str]()
        for who, want in wishes.items():
            before = self._people.pop(who, NOTHING)
            if want.entries:
                self._people[who] = want
            if before.entries or want.entries:
                changed.update(self._refit(before.entries, want.entries))
        return changed | self.make_room() if changed else changed

    def of(self, key: str) -> Entry | None:
        """What the phone should hold under a key."""
        fit = self._fits.get(key)
        return fit.entry if fit and key not in self._over else None

    def entries_of(self, who: UUID) -> Sequence[Entry]:
        """As granted, whether the phone can take it or not."""
        return self._people.get(who, NOTHING).entries

    def lacks(self, key: str, kind: CredentialKind) -> str | None:
        """Why a kind of credential cannot be delivered, wholly or in part."""
        return self._over.get(key) or self._fits[key].lacks.get(kind)

    def entries(self) -> Sequence[Entry]:
        """All that the phone should hold."""
        return [entry for key in self._fits if (entry := self.of(key))]

    def keys(self) -> Iterable[str]:
        return self._fits.keys()

    def without_room(self) -> int:
        """How many keys find no place (D4)."""
        return len(self._over)

    def wishes(self) -> Wishes:
        """All that was taken, for a keeper that begins anew."""
        return dict(self._people)

    def make_room(self) -> set[str]:
        """Whose place was given or taken, by rank and never by chance (D4)."""
        before, fits = self._over, [fit.entry for fit in self._fits.values() if fit.entry]
        self._over = self._phone.overflow(fits)
        if self._over:
            self._over = self._phone.overflow(sorted(fits, key=self._rank))
        return before.keys() ^ self._over.keys()

    def _refit(self, before: Sequence[Entry], after: Sequence[Entry]) -> Iterable[str]:
        old = {one.key: one for one in before}
        changed = [one for one in after if old.pop(one.key, None) != one]
        for key in old:
            self._fits.pop(key, None)
        for one in changed:
            self._fits[one.key] = self._phone.fit(one)
        return [*old, *(one.key for one in changed)]

    def _rank(self, entry: Entry) -> tuple[str, str]:
        return self._people[entry.holder].rank, entry.key
