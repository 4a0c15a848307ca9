"""What the log asks of phones beside records, and what is told of it (M110, M111, A23)."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import uuid5

from commands.bus import Dispatch
from commands.ingest import door_name
from commands.maintenance import ReportBegun, ReportEnded, ReportUpkeep
from device_adapters.errands import Errand, Said
from device_adapters.lanes import Lanes
from device_adapters.openings import Openings
from device_adapters.saying import ADAPTER
from domain.devices import Device
from domain.ids import CommunityId, DeviceId
from domain.kernel import Event
from domain.maintenance import (
    Ending,
    OperationAsked,
    OperationBegun,
    OperationEnded,
    OperationId,
    Upkeep,
    UpkeepFound,
    UpkeepState,
    settings,
)
from domain.reports import Asked, DoorLogEntry

Note = Callable[[CommunityId, DoorLogEntry], object]
INTERRUPTED: Final[tuple[Ending, str]] = (
    "failed",
    "interrupted: whether it was done is not known",
)


class Orders:
    """`device`: a phone or lock of a community as it is now, None if it is gone."""

    def __init__(
        self,
        dispatch: Dispatch,
        note: Note,
        device: Callable[[CommunityId, DeviceId], Device | None],
        now: Callable[[], float],
    ) -> None:
        self._dispatch, self._note, self._device, self._now = dispatch, note, device, now
        self.openings = Openings()
        self._asked: dict[OperationId, tuple[CommunityId, OperationAsked]] = {}
        self._begun = set[OperationId]()
        self._upkeep: dict[DeviceId, Upkeep] = {}
        self._changed: dict[DeviceId, CommunityId] = {}
        self._found: dict[DeviceId, Said] = {}

    def take(self, home: CommunityId, happened: Event) -> None:
        """What a lane said itself changes nothing."""
        match happened:
            case OperationAsked(operation=id):
                self._asked[id] = home, happened
            case OperationBegun(operation=id):
                self._begun.add(id)
            case OperationEnded(operation=id, ending=ending):
                self._begun.discard(id)
                _, asked = self._asked.pop(id, (home, None))
                if asked and ending == "done":  # in a life past, when is not known better
                    self.openings.done(asked, asked.asked_at)
            case UpkeepFound(device=device, state=state, reason=reason):
                self._found[device] = state, reason
            case _:
                self._keep(home, getattr(happened, happened.stream), happened)

    def hand_out(self, lanes: Lanes) -> None:
        """To lanes that there are; each is handed out once."""
        for id, (home, asked) in list(self._asked.items()):
            if lane := lanes.of(asked.device):
                lane.run(self._errand(home, asked, begun=id in self._begun))
                del self._asked[id]
        for device, home in list(self._changed.items()):
            if lane := lanes.of(device):
                tell = partial(self._tell_upkeep, home, device)
                lane.look_after(self._upkeep[device], tell, self._found.get(device))
                del self._changed[device]

    def _keep(self, home: CommunityId, device: DeviceId, happened: Event) -> None:
        if kept := Upkeep.evolve(self._upkeep.get(device), happened):
            self._upkeep[device], self._changed[device] = kept, home
            self._found.pop(device, None)

    def _errand(self, home: CommunityId, asked: OperationAsked, *, begun: bool) -> Errand:
        """What was begun in a life past is over."""
        lines = asked.lines if isinstance(asked.lines, tuple) else ()
        return Errand(
            kind=asked.kind,
            until=asked.until.timestamp(),
            begun=lambda: self._say(
                home, ReportBegun(operation=asked.operation, device=asked.device), asked, "begun"
            ),
            ended=lambda ending, reason: self._end(home, asked, ending, reason),
            relay=asked.relay or 0,
            settings=settings(lines),
            result=INTERRUPTED if begun else None,
        )

    def _end(self, home: CommunityId, asked: OperationAsked, ending: Ending, reason: str) -> None:
        """A23: what no phone's log can hold stands in the door log, too. What it does hold is
        remembered even while nobody can be told.
        """
        at = datetime.fromtimestamp(self._now(), UTC)
        if ending == "done":
            self.openings.done(asked, at)
        report = ReportEnded(
            operation=asked.operation, device=asked.device, ending=ending, reason=reason
        )
        self._say(home, report, asked, "ended")
        device = self._device(home, asked.device)
        if asked.kind == "open" and ending != "done" and device:
            self._note(home, entry(device, asked, ending, at))

    def _say(self, home: CommunityId, report: object, asked: OperationAsked, what: str) -> None:
        """Once, however often it is tried."""
        id = uuid5(asked.operation, what)
        self._dispatch(report, community=home, actor=ADAPTER, command_id=id)

    def _tell_upkeep(
        self, home: CommunityId, device: DeviceId, state: UpkeepState, reason: str
    ) -> None:
        report = ReportUpkeep(device=device, state=state, reason=reason)
        self._dispatch(report, community=home, actor=ADAPTER)


def entry(device: Device, asked: OperationAsked, ending: Ending, at: datetime) -> DoorLogEntry:
    """A door that was not opened from afar."""
    relay = asked.relay or 1
    return DoorLogEntry(
        device=device.device,
        epoch=0,
        id=0,
        happened_at=at,
        local="",
        kind="door_release",
        outcome="offline" if ending == "offline" else "failed",
        method="remote",
        relay=relay,
        door_name=door_name(device, relay),
        building=device.place.building,
        holder=None,
        holder_kind=None,
        apartment=device.place.apartment,
        credential_kind=None,
        source="command",
        asked=Asked(operation=asked.operation, by=asked.by),
    )
