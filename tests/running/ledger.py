"""What every phone should hold and what is said of it, from a fold of the log; and what it holds.

Phones are looked at through /sim/state, behind the API that may lie.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from device_adapters.akuvox import fits, rows, windows
from device_adapters.akuvox.profiles import Profile, profile_of
from device_adapters.port import Held
from domain import rights
from domain.access_groups import AccessGroup, AccessGroupCreated
from domain.devices import (
    CredentialKind,
    Device,
    DeviceRegistered,
    DeviceSynced,
    Outcome,
    SyncState,
)
from domain.ids import CommunityId, DeviceId
from domain.kernel import Event, State
from domain.residents import Resident, ResidentAdded
from domain.rights import Entry
from eventlog.port import Recorded, Vault
from eventlog.postgres import PostgresLog
from tests.running.clients import COMMUNITY, an_id
from tests.running.installation import MODELS

BEGINS: Mapping[type[Event], type[State]] = {
    ResidentAdded: Resident,
    AccessGroupCreated: AccessGroup,
    DeviceRegistered: Device,
}
PHONES = [DeviceId(UUID(an_id("phone", n))) for n in range(len(MODELS))]
Credential = tuple[UUID, CredentialKind]


@dataclass(frozen=True)
class Code:
    """A credential as a phone holds it: the one code or the other, and what it opens."""

    pin: str | None
    cards: frozenset[str]
    opens: frozenset[str]

    def is_on(self, held: Held) -> bool:
        code = held.pin == self.pin if self.pin else held.cards == self.cards
        return code and held.opens == self.opens


@dataclass
class Ledger:
    """Independent of the adapters: the domain's states, and the last word on each credential.

    `moved` is when each stream moved last, `shared` when something did that concerns everybody.
    """

    log: PostgresLog
    position: int = 0
    moved: dict[UUID, int] = field(default_factory=dict)
    shared: int = 0
    states: dict[UUID, State] = field(default_factory=dict)
    said: dict[tuple[DeviceId, UUID, CredentialKind], tuple[int, Outcome]] = field(
        default_factory=dict
    )

    def follow(self) -> int:
        """To the head of the log, which it gives."""
        while batch := self.log.read(after=self.position):
            for record in batch:
                self._take(record)
            self.position = batch[-1].position
        return self.position

    def _take(self, record: Recorded[Any]) -> None:
        match record.event:
            case DeviceSynced(device=device, outcomes=outcomes):
                for one in outcomes:
                    self.said[device, one.holder, one.kind] = record.position, one
                return
        self.moved[record.stream] = record.position
        before = self.states.pop(record.stream, None)
        kind = type(before) if before else BEGINS.get(type(record.event))
        if kind in (AccessGroup, Device):
            self.shared = record.position
        if kind and (after := kind.evolve(before, record.event)):
            self.states[record.stream] = after

    def device(self, n: int) -> Device:
        found = self.states[PHONES[n]]
        assert isinstance(found, Device)
        return found

    def desired(self, n: int) -> Sequence[Entry]:
        people = [one for one in self.states.values() if isinstance(one, Resident)]
        groups = [one for one in self.states.values() if isinstance(one, AccessGroup)]
        return rights.desired(self.device(n), people, groups)

    def codes(self, n: int) -> Mapping[Credential, Code]:
        return {
            (entry.holder, kind): code(rows.shown(entry, profile(n)), kind)
            for entry in self.desired(n)
            for _, kind in rights.evidence([entry])
        }

    def unmoved(self, since: int) -> Collection[UUID]:
        """Whose rights are what they were at that position."""
        people = (id for id, state in self.states.items() if isinstance(state, Resident))
        return {who for who in people if max(self.moved[who], self.shared) <= since}

    def wrong(self, n: int, state: Mapping[str, Any]) -> list[str]:
        """Where a phone holds anything but what is desired, or another thing is said of it."""
        return [*self._misheld(n, state), *self._missaid(n)]

    def _misheld(self, n: int, state: Mapping[str, Any]) -> list[str]:
        taken = [fits.fit(entry, profile(n)).entry for entry in self.desired(n)]
        wanted = {one.key: rows.shown(one, profile(n)) for one in taken if one}
        found = held(n, state)
        doubles = [f"phone {n}: {len(state['users'])} rows under {len(found)} keys"]
        differing = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
        return [
            *(doubles if len(found) != len(state["users"]) else ()),
            *(
                f"phone {n}: {key} is {differs(wanted.get(key), found.get(key))}"
                for key in differing
            ),
        ]

    def _missaid(self, n: int) -> list[str]:
        wanted = self.outcomes(n)
        found = {
            (who, kind): (one.state, one.digest)
            for (device, who, kind), (_, one) in self.said.items()
            if device == PHONES[n] and one.state != "withdrawn"
        }
        return [
            f"phone {n}: said of {who} {kind}: {found.get((who, kind), ('nothing',))[0]}"
            f", should be {wanted.get((who, kind), ('nothing',))[0]}"
            for who, kind in sorted(wanted.keys() | found.keys())
            if wanted.get((who, kind)) != found.get((who, kind))
        ]

    def outcomes(self, n: int) -> Mapping[Credential, tuple[SyncState, bytes | None]]:
        """What should be said, once all is as it should be."""
        expected = dict[Credential, tuple[SyncState, bytes | None]]()
        for entry in self.desired(n):
            fit = fits.fit(entry, profile(n))
            part = rights.evidence([fit.entry]) if fit.entry else {}
            for credential, text in rights.evidence([entry]).items():
                lacks = credential[1] in fit.lacks
                there = part.get(credential) if lacks else text
                said = digest(self.log.vault, there) if there else None
                expected[credential] = ("undeliverable" if lacks else "verified"), said
        return expected


def profile(n: int) -> Profile:
    return profile_of(MODELS[n])


def digest(vault: Vault, text: str) -> bytes:
    return vault.digest(CommunityId(COMMUNITY), "credential", text)


def held(n: int, state: Mapping[str, Any]) -> Mapping[str, Held]:
    meaning = {row["ID"]: windows.words_of(row) for row in state["schedules"]} | windows.FACTORY
    return {row["UserID"]: rows.held(row, meaning, profile(n)) for row in state["users"]}


def code(held: Held, kind: CredentialKind) -> Code:
    pin = held.pin if kind == "pin" and isinstance(held.pin, str) else None
    cards = held.cards if isinstance(held.cards, frozenset) else frozenset()
    return Code(pin, cards, held.opens)


def differs(wanted: Held | None, found: Held | None) -> str:
    if wanted is None or found is None:
        return "missing" if found is None else "too many"
    names = ("name", "pin", "cards", "opens")
    return "other " + ", ".join(n for n in names if getattr(wanted, n) != getattr(found, n))
