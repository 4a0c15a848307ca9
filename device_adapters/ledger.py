"""The last word on each credential at a phone."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from domain.devices import CredentialKind, Outcome, SyncState

Credential = tuple[UUID, CredentialKind]
THERE = ("verified", "unverifiable")


class Ledger:
    """`outcomes` as they were last said; `states`: how many stand how. `gone`: when what had been
    there before was proved to be there no more, withdrawn or replaced (D8).
    """

    def __init__(self, outcomes: Iterable[Outcome] = ()) -> None:
        self.outcomes = {(one.holder, one.kind): one for one in outcomes}
        self.states = Counter[SyncState](one.state for one in self.outcomes.values())
        self.gone: dict[Credential, datetime] = {}

    def standing(self) -> Mapping[SyncState, int]:
        """How many stand how, of those that do. From any thread."""
        counts = dict(self.states)
        return {state: n for state, n in counts.items() if n and state != "withdrawn"}

    def take(self, outcomes: Iterable[Outcome], at: datetime) -> None:
        for one in outcomes:
            key = one.holder, one.kind
            before = self.outcomes.get(key)
            if is_gone(before, one):
                self.gone[key] = at
            elif one.state not in THERE:
                self.gone.pop(key, None)
            self.outcomes[key] = one
            self.states[one.state] += 1
            if before:
                self.states[before.state] -= 1


def is_gone(before: Outcome | None, now: Outcome) -> bool:
    """A lane calls pending what it is about to replace."""
    if now.state == "withdrawn":
        return True
    return now.state in THERE and before is not None and before.state not in THERE
