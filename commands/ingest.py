"""What doors report: who it was is found by a keyed hash, and the code is dropped at once.

What their logs hold is polled; what these do not hold, the alarms, is taken from the event URL.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from domain import apartments, parking, residents
from domain.alarms import AlarmKind, Wiring
from domain.capabilities import is_monitor
from domain.devices import CredentialKind, Device
from domain.ids import CommunityId, DeviceId
from domain.kernel import Claim, Malformed, fold
from domain.record import Personal, Secret, frozen
from domain.reports import AlarmReported, Asked, DoorLogEntry, EntryKind, EntryMethod, Revoked
from domain.residents import Resident
from domain.settings import Settings
from eventlog.port import EventLog, Released
from eventlog.reports import Cursor, ReportLog

AHEAD = timedelta(minutes=2)  # what a phone's clock may be before ours
A_MINUTE = timedelta(minutes=1)  # by less than that no clock is held to be wrong (T4)
UNSET = datetime(2020, 1, 1, tzinfo=UTC)  # a clock before that was never set since its power came
METHODS: dict[str, EntryMethod] = {
    "pin": "pin",
    "password": "pin",
    "private key": "pin",
    "rf": "card",
    "card": "card",
    "rf card": "card",
    "face": "face",
    "qr": "qr",
    "qr code": "qr",
    "plate": "plate",
    "license plate": "plate",
    "uhf": "uhf",
    "uhf card": "uhf",
    "input": "button",
    "exit button": "button",
    "dtmf": "dtmf",
    "http": "remote",
    "http api": "remote",  # [G]
    "remote": "remote",
}
KINDS: Mapping[EntryMethod, CredentialKind] = {
    "pin": "pin",
    "card": "card",
    "plate": "plate",
    "uhf": "uhf",
}
QUIET = timedelta(minutes=1)  # a phone that says it a thousand times has said it once (S9)
MONITORS_SAY = {"AlarmTriggered", "InputAlarm", "AlarmLog"}  # [G]
# Exit buttons, unless a fire panel is wired to them.
INPUTS = {f"Input{letter}Triggered": n for n, letter in enumerate("ABCD", 1)}
ALARMS: Mapping[str, tuple[AlarmKind, int | None]] = {
    "AlarmTriggered": ("tamper", None),  # [HA]
    "TamperAlarmTriggered": ("tamper", None),  # what newer firmware calls it
    "InputAlarm": ("emergency", None),  # [HA]; that the fire panel is on that input [G]
    **{f"BreakInAlarm{door}": ("break_in", n) for n, door in enumerate("ABCD", 1)},
    **{f"AlarmDoorOpenedTimeout{door}": ("door_held", n) for n, door in enumerate("ABCD", 1)},
}


@frozen
class Line:
    """A line of a phone's door log as it was read. `local` is its clock, without a zone."""

    id: int
    local: datetime | None
    method: str
    name: Personal[str]
    code: Secret[str]
    relay: int | None
    success: bool


@frozen
class FromAfar:
    """A line that says that a door was opened from afar, and not who asked for it. `at` is when it
    was written, whatever the phone's clock is off.
    """

    epoch: int
    id: int
    relay: int
    at: datetime


class Witness(Protocol):
    """What is known of a phone beside its log."""

    def gone(self, holder: UUID, kind: CredentialKind) -> datetime | None:
        """When what the phone had of a credential before was proved to be there no more (D8)."""

    def bearer(self, name: str, at: datetime) -> UUID | None:
        """Whose face the phone knew by a name; None if that may have been two people's."""

    def asked(self, lines: Sequence[FromAfar]) -> Mapping[int, Asked]:
        """Who asked for it, by the ids of the lines; the same if they are shown again."""


@dataclass(frozen=True)
class Known:
    """By line: whose code it was then, and whose it had been that was no longer."""

    people: Mapping[int, Resident]
    released: Mapping[int, Released]


@dataclass
class Ingest:
    """Takes what a phone's log says. One poller of a device is told apart by the cursor."""

    log: EventLog
    reports: ReportLog

    def cursor(self, community: CommunityId, device: Device) -> Cursor | None:
        return self.reports.cursor(community, device.device)

    def take(
        self,
        community: CommunityId,
        device: Device,
        lines: Sequence[Line],
        *,
        epoch: int,
        expected: Cursor | None,
        now: datetime,
        witness: Witness,
        zone: tzinfo | None = None,
        ahead: timedelta = timedelta(0),
    ) -> int:
        """The position of the last entry; Conflict if somebody else polled the device.

        zone: by which the phone wrote the lines, where that is known, for it may be another than
        the community's of today (T3). ahead: what its clock is before ours (T4).
        """
        settings = fold(Settings, self.log.streams(community, [community])[community])
        assert settings, "a device belongs to a community that is there"
        clock = zone or ZoneInfo(settings.zone)
        happened = {line.id: instant(line.local, clock, ahead, now) for line in lines}
        known = self._known(community, device, settings, lines, happened, witness)
        written = {line.id: dated(line.local, clock, ahead, now) for line in lines}
        asked = witness.asked(list(from_afar(lines, epoch, written)))
        entries = [
            entry(
                line,
                device,
                happened_at=happened[line.id],
                epoch=epoch,
                who=known.people.get(line.id),
                revoked=revoked(line, known.released.get(line.id), witness),
                asked=asked.get(line.id),
            )
            for line in lines
        ]
        return self.reports.append(community, device.device, entries, expected=expected)

    def hear(self, community: CommunityId, device: DeviceId, said: str) -> None:
        """What a phone's event URL says, if that is an alarm (M124-M126). Whoever has the URL may
        say it, again and again: it is stored once a minute.
        """
        if said not in ALARMS.keys() | MONITORS_SAY | INPUTS.keys():
            return
        history = self.log.streams(community, [device])[device]
        phone, wiring = fold(Device, history), fold(Wiring, history)
        if phone and (heard := alarm(phone, wiring, said)):
            self.reports.note(community, heard, quiet=QUIET)

    def _known(
        self,
        community: CommunityId,
        device: Device,
        settings: Settings,
        lines: Sequence[Line],
        happened: Mapping[int, datetime],
        witness: Witness,
    ) -> Known:
        """Whose code it was, by line: of who holds it now, or held it when it was used. Phones say
        whole seconds: in the second of the withdrawal it was still theirs. A face is a name alone.
        """
        homes = self._homes(community, device, settings, lines)
        claims = {line.id: list(codes(line, settings, homes.get(line.id))) for line in lines}
        owners = self.log.owners(community, {c for found in claims.values() for c in found})
        holders = {
            id: owners[claim] for id, found in claims.items() for claim in found if claim in owners
        }
        nobodys = {id: found for id, found in claims.items() if id not in holders}
        released = self._released(community, nobodys)
        holders |= {id: one.owner for id, one in released.items() if happened[id] <= one.at}
        faces = {line.id: bearer(line, happened[line.id], witness) for line in lines}
        holders |= {id: who for id, who in faces.items() if who}
        histories = self.log.streams(community, set(holders.values()))
        states = {who: fold(Resident, history) for who, history in histories.items()}
        return Known(
            people={id: state for id, who in holders.items() if (state := states[who])},
            released={id: one for id, one in released.items() if happened[id] > one.at},
        )

    def _released(
        self, community: CommunityId, claims: Mapping[int, Sequence[Claim]]
    ) -> Mapping[int, Released]:
        wanted = {claim for found in claims.values() for claim in found}
        known = self.log.released(community, wanted) if wanted else {}
        return {id: known[c] for id, found in claims.items() for c in found if c in known}

    def _homes(
        self, community: CommunityId, device: Device, settings: Settings, lines: Sequence[Line]
    ) -> dict[int, UUID]:
        """In APT+PIN mode a code is APT#PIN: the apartment says whose PIN it is (A6)."""
        building = device.place.building
        if settings.pin_mode != "apt_pin" or building is None:
            return {}
        numbers = {line.id: line.code.rpartition("#")[0] for line in lines}
        claims = {
            id: apartments.apartment_number(building, number)
            for id, number in numbers.items()
            if number
        }
        owners = self.log.owners(community, claims.values())
        return {id: owners[claim] for id, claim in claims.items() if claim in owners}


def from_afar(
    lines: Iterable[Line], epoch: int, written: Mapping[int, datetime]
) -> Iterable[FromAfar]:
    for line in lines:
        if line.success and line.relay and method_of(line) == "remote":
            yield FromAfar(epoch=epoch, id=line.id, relay=line.relay, at=written[line.id])


def bearer(line: Line, at: datetime, witness: Witness) -> UUID | None:
    """Whose face it was: of that a phone says a name, and no code."""
    name = line.name if method_of(line) == "face" else None
    return witness.bearer(name, at) if isinstance(name, str) and name else None


def revoked(line: Line, released: Released | None, witness: Witness) -> Revoked | None:
    """Only what opened: that a code which was taken away is refused is as it should be."""
    kind = KINDS.get(method_of(line))
    if not (line.success and released and kind):
        return None
    proved = witness.gone(released.owner, kind)
    removed_at = proved if proved and proved > released.at else None
    return Revoked(holder=released.owner, at=released.at, removed_at=removed_at)


def codes(line: Line, settings: Settings, home: UUID | None) -> Iterable[Claim]:
    """The claims that the shown code may be: phones write cards with or without leading zeros."""
    if not line.code:
        return
    method = method_of(line)
    if method == "pin":
        pin = line.code.rpartition("#")[2]
        within = home if settings.pin_mode == "apt_pin" else None
        yield Claim(kind="pin", value=pin, discriminator=within, place=home)
    if method == "card":
        try:
            code = residents.card(line.code).code
        except Malformed:
            return
        bare = code.lstrip("0")
        for written in sorted({code, bare, bare.zfill(len(bare) + len(bare) % 2), f"00{bare}"}):
            yield residents.card_claim(written)
    if method in ("plate", "uhf"):  # they stand in one place of a phone, which may call both alike
        yield from vehicle_claims(line.code)


def vehicle_claims(code: str) -> Iterable[Claim]:
    for kind, read in (("plate", parking.plate), ("uhf", parking.tag)):
        with suppress(Malformed):
            yield Claim(kind=kind, value=read(code).code)


def alarm(device: Device, wiring: Wiring | None, said: str) -> AlarmReported | None:
    """An indoor monitor's alarms are of its zones (M125); None if it is no alarm of this device."""
    found = ALARMS.get(said)
    if is_monitor(device.box.model) and said in MONITORS_SAY:
        found = "arming", None
    if wiring and INPUTS.get(said) in wiring.fire_inputs:
        found = "emergency", None
    if found is None:
        return None
    kind, relay = found
    return AlarmReported(
        device=device.device,
        kind=kind,
        said=said,
        relay=relay,
        door_name=door_name(device, relay),
        building=device.place.building,
        apartment=device.place.apartment,
    )


def door_name(device: Device, relay: int | None) -> str:
    names = {each.number: each.name for each in device.relays}
    return device.name if relay is None else names.get(relay, device.name)


def method_of(line: Line) -> EntryMethod:
    return METHODS.get(line.method.strip().lower(), "other")


def kind_of(line: Line) -> EntryKind:
    """M84, A24: "Call" is a call begun at the door phone."""
    return "call" if line.method.strip().lower() == "call" else "door_release"


def entry(
    line: Line,
    device: Device,
    *,
    happened_at: datetime,
    epoch: int,
    who: Resident | None,
    revoked: Revoked | None = None,
    asked: Asked | None = None,
) -> DoorLogEntry:
    method = method_of(line)
    return DoorLogEntry(
        device=device.device,
        epoch=epoch,
        id=line.id,
        happened_at=happened_at,
        local=f"{line.local:%Y-%m-%dT%H:%M:%S}" if line.local else "",
        kind=kind_of(line),
        outcome="success" if line.success else "failed",
        method=method,
        relay=line.relay,
        door_name=door_name(device, line.relay or 1),
        building=device.place.building,
        holder=who.resident if who else None,
        holder_kind="resident" if who else None,
        apartment=who.apartment if who else device.place.apartment,
        credential_kind=method if who else None,
        source="poll",
        revoked=revoked,
        asked=asked,
    )


def instant(local: datetime | None, zone: tzinfo, ahead: timedelta, now: datetime) -> datetime:
    """When a line was written by a phone whose clock is held to be right or wrong (T4)."""
    return dated(local, zone, ahead if abs(ahead) > A_MINUTE else timedelta(0), now)


def dated(local: datetime | None, zone: tzinfo, ahead: timedelta, now: datetime) -> datetime:
    """When a line was written, if its clock can tell, else when it was heard of (T4).

    Of an hour that comes twice, the later one that is not to come. Nothing happens after it was
    heard of.
    """
    if local is None or not 1970 <= local.year < 2100:
        return now
    told = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) - ahead for fold in (0, 1)]
    return max((at for at in told if UNSET < at <= now + AHEAD), default=now)
