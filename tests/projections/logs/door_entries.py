"""What doors have reported, for tests of whoever shows it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.ids import CommunityId
from domain.reports import DoorLogEntry
from tests.builders import ANN, FLAT_1, GATE, HARBOUR, NOW, TOWER
from tests.read_models import House


def an_entry(id: int, **changes: Any) -> DoorLogEntry:
    entry = DoorLogEntry(
        device=GATE,
        epoch=0,
        id=id,
        happened_at=NOW + timedelta(minutes=id),
        local="",
        kind="door_release",
        outcome="success",
        method="pin",
        relay=1,
        door_name="Gate 1",
        building=TOWER,
        holder=ANN,
        holder_kind="resident",
        apartment=FLAT_1,
        credential_kind="pin",
        source="poll",
    )
    return replace(entry, **changes)


def told(house: House, *entries: DoorLogEntry, home: CommunityId = HARBOUR) -> None:
    for entry in entries:
        before = house.reports.cursor(home, entry.device)
        house.reports.append(home, entry.device, [entry], expected=before)
