"""What was found on a phone, and what there is to say of it (D5)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from device_adapters.breaker import MODE, TRIES, Failing
from device_adapters.faces import Faces
from device_adapters.ledger import THERE, Credential, Ledger
from device_adapters.port import Held, Phone
from device_adapters.wants import Wants
from domain.devices import CredentialKind, Outcome
from domain.rights import HELD_OPEN, KINDS, Entry, evidence, keys_of
from domain.settings import PinMode

Digest = Callable[[str], bytes]
FIELDS: Final = ("pin", "cards", "vehicles", "face", "floors", "opens", "name", "room")


@dataclass
class Findings:
    """`verified` is what was read back, `strays` are keys under which something else was.

    `leaving`: as they stood there before they were withdrawn. `ledger` has the last word on each
    credential. `pin_mode` is what the phone last said, or how they come from the factory; `zone` is
    what it last said.
    """

    phone: Phone
    wants: Wants
    digest: Digest
    ledger: Ledger
    failing: dict[str, Failing]
    verified: dict[str, Entry] = field(default_factory=dict)
    strays: dict[str, frozenset[CredentialKind]] = field(default_factory=dict)
    withdrew: set[Credential] = field(default_factory=set)
    leaving: dict[str, Entry] = field(default_factory=dict)
    pin_mode: PinMode = "pin"
    zone: str | None = None

    def __post_init__(self) -> None:
        self.faces = Faces(self.phone, self.wants, self.ledger)

    def in_mode(self) -> bool:
        """M115: a PIN does not open where it is asked for in another way."""
        return self.pin_mode == self.wants.pin_mode

    def present(self, key: str) -> bool:
        return key in self.verified or key in self.strays

    def right(self, key: str) -> bool:
        return self.verified.get(key) == self.wants.of(key) and key not in self.strays

    def agrees(self, key: str, entry: Entry | None, held: Mapping[str, Held]) -> bool:
        """Field by field; a success answer is no proof."""
        if entry is None or key not in held:
            return entry is None and key not in held
        return held[key] == self.phone.shows(entry)

    def vouched(self, entry: Entry) -> bool:
        """What the phone does not show is taken to be there only if just that was sent last."""
        return all(
            (said := self.ledger.outcomes.get(credential)) and said.digest == self.digest(text)
            for credential, text in evidence([entry]).items()
            if credential[1] in self.phone.limits.unreadable
        )

    def differs(self, key: str, entry: Entry | None, held: Mapping[str, Held]) -> str:
        """Where, in words without codes."""
        if entry is None:
            return "is still there"
        if key not in held:
            return "is missing"
        shown, found = self.phone.shows(entry), held[key]
        names = [name for name in FIELDS if getattr(shown, name) != getattr(found, name)]
        if names == ["face"] and found.face is None:
            return "knows no face by the photo"
        return f"other {', '.join(names)}"

    def settle(self, key: str, entry: Entry | None) -> None:
        """It was read back as it should be."""
        self.failing.pop(key, None)
        self.leaving.pop(key, None)
        kinds = self.strays.pop(key, None)
        before = self.verified.pop(key, None)
        if entry is not None:
            self.verified[key] = entry
        elif before or kinds:
            gone = {kind for _, kind in evidence([before])} if before else kinds or ()
            self.withdrew |= {(holder(key), kind) for kind in gone}

    def stray(self, key: str, found: Held) -> None:
        self.verified.pop(key, None)
        kinds = found.kinds()
        self.strays[key] = kinds | {"held_open"} if key == HELD_OPEN else kinds
        if found.face:
            self.faces.found(holder(key), found.name, self.wants.of(key))

    def doubt(self, keys: Iterable[str]) -> None:
        """They are about to be written: until they are read again they may be there or not."""
        for key in keys:
            if before := self.verified.pop(key, None):
                self.strays[key] = frozenset(kind for _, kind in evidence([before]))
                if self.wants.of(key) is None:
                    self.leaving[key] = before
                self.faces.was(before, self.wants.of(key))

    def lost(self, key: str) -> None:
        self.verified.pop(key, None)
        self.strays.pop(key, None)

    def news(self, people: Iterable[UUID]) -> list[Outcome]:
        """What is not yet said of these people."""
        outcomes = [one for who in people for one in self.outcomes(who)]
        said = self.ledger.outcomes
        return [one for one in outcomes if said.get((one.holder, one.kind)) != one]

    def said(self, outcomes: Sequence[Outcome], at: datetime) -> None:
        self.ledger.take(outcomes, at)
        self.withdrew -= {(one.holder, one.kind) for one in outcomes}

    def outcomes(self, who: UUID) -> Iterable[Outcome]:
        """What is pending is left out: there is nothing to say of it yet."""
        wanted = set[CredentialKind]()
        for entry in self.wants.entries_of(who):
            for (_, kind), text in evidence([entry]).items():
                wanted.add(kind)
                if found := self._delivered(entry.key, kind, text):
                    yield found
        for kind in KINDS:
            if kind not in wanted and (found := self._withdrawn(who, kind)):
                yield found

    def doubtful(self, people: Iterable[UUID]) -> list[Outcome]:
        """What was last said to be there, and is about to be taken or replaced."""
        credentials = [(who, kind) for who in people for kind in KINDS]
        said = self.ledger.outcomes
        found = [one for credential in credentials if (one := said.get(credential))]
        there = [one for one in found if one.state in THERE]
        wanted = {who: evidence(self._to_be_held(who)) for who in {one.holder for one in there}}
        return [
            Outcome(holder=one.holder, kind=one.kind, state="pending")
            for one in there
            if not self._is_wanted(one, wanted[one.holder].get((one.holder, one.kind)))
        ]

    def _to_be_held(self, who: UUID) -> Iterable[Entry]:
        """There may be no room for what is wanted (D4)."""
        entries = (self.wants.of(entry.key) for entry in self.wants.entries_of(who))
        return [entry for entry in entries if entry]

    def drifted(self) -> list[Outcome]:
        """What was last said and is no longer so, though nothing else is wanted."""
        return [
            Outcome(
                holder=one.holder, kind=one.kind, state="mismatch", reason="changed on the phone"
            )
            for one in self.ledger.outcomes.values()
            if (one.state == "verified" and self._is_lost(one))
            or (one.state == "withdrawn" and self._is_back(one))
        ]

    def _is_lost(self, said: Outcome) -> bool:
        for entry in self.wants.entries_of(said.holder):
            if self._is_wanted(said, evidence([entry]).get((said.holder, said.kind))):
                return not self.right(entry.key) or (said.kind == "pin" and not self.in_mode())
        return False

    def _is_wanted(self, said: Outcome, text: str | None) -> bool:
        return text is not None and self.digest(text) == said.digest

    def _is_back(self, said: Outcome) -> bool:
        return any(
            said.kind in kinds and holder(key) == said.holder and self.wants.of(key) is None
            for key, kinds in self.strays.items()
        )

    def _delivered(self, key: str, kind: CredentialKind, text: str) -> Outcome | None:
        lack, held, who = self.wants.lacks(key, kind), self.wants.of(key), holder(key)
        if not self.right(key):
            return self._failed(who, kind, key)
        if lack:
            part = evidence([held]).get((who, kind)) if held else None
            digest = self.digest(part) if part else None
            return Outcome(holder=who, kind=kind, state="undeliverable", digest=digest, reason=lack)
        if kind == "pin" and not self.in_mode():
            return self._failed(who, kind, MODE)
        if kind in self.phone.limits.unreadable:
            return Outcome(
                holder=who,
                kind=kind,
                state="unverifiable",
                digest=self.digest(text),
                reason="the phone does not show it",
            )
        return Outcome(holder=who, kind=kind, state="verified", digest=self.digest(text))

    def _withdrawn(self, who: UUID, kind: CredentialKind) -> Outcome | None:
        known = self.ledger.outcomes.get((who, kind))
        if known is None and (who, kind) not in self.withdrew:
            return None
        for key in self._keys(who):
            if not self.right(key):
                return self._failed(who, kind, key)
        return Outcome(holder=who, kind=kind, state="withdrawn")

    def _failed(self, who: UUID, kind: CredentialKind, key: str) -> Outcome | None:
        failing = self.failing.get(key)
        if failing is None or failing.tries < TRIES:
            return None
        return Outcome(
            holder=who, kind=kind, state=failing.state, reason=failing.reason, tries=TRIES
        )

    def _keys(self, who: UUID) -> list[str]:
        """Those under which a person may stand on the phone."""
        doubles = [key for key in self.strays if "#" in key and holder(key) == who]
        return [*keys_of(who), *doubles]


def holder(key: str) -> UUID:
    return UUID(key[:32])
