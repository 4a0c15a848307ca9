"""D8: what a line of a door log becomes, by the means that opened."""

import pytest

from commands.reactions.sync import revoked_credential_used
from domain.reports import DoorLogEntry, EntryMethod, Revoked
from eventlog.reports import MemoryReportLog
from tests.builders import ANN, GATE, HARBOUR, NOW
from tests.projections.logs.door_entries import an_entry

WAS = Revoked(holder=ANN, at=NOW, removed_at=None)


def reacted(entry: DoorLogEntry) -> object:
    reports = MemoryReportLog(lambda: NOW)
    reports.append(HARBOUR, GATE, [entry], expected=None)
    return revoked_credential_used(reports.read(after=0)[0])  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["pin", "card", "plate", "uhf"])
def test_d8_a_use_of_what_was_taken_away_asks_for_an_alarm(method: EntryMethod) -> None:
    asked = reacted(an_entry(7, method=method, revoked=WAS))
    assert (asked.kind, asked.holder, asked.id) == (method, ANN, 7)  # type: ignore[attr-defined]
    assert (asked.revoked_at, asked.removed_at) == (NOW, None)  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["pin", "remote", "button"])
def test_d8_control_nothing_is_asked_of_what_nobody_was_taken_away(method: EntryMethod) -> None:
    assert reacted(an_entry(7, method=method)) is None
