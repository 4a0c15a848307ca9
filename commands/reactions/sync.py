"""What opened a door and should not have is somebody's business (D8)."""

from commands.ingest import KINDS
from commands.reactions import reacts_to
from commands.sync import ReportRevokedUse
from domain.reports import DoorLogEntry
from eventlog.port import Recorded


@reacts_to(DoorLogEntry)
def revoked_credential_used(r: Recorded[DoorLogEntry]) -> ReportRevokedUse | None:
    """Once for each line of a phone's log, for each line is stored once."""
    entry, was, kind = r.event, r.event.revoked, KINDS.get(r.event.method)
    if was is None or kind is None:
        return None
    return ReportRevokedUse(
        device=entry.device,
        relay=entry.relay,
        holder=was.holder,
        kind=kind,
        revoked_at=was.at,
        used_at=entry.happened_at,
        removed_at=was.removed_at,
        epoch=entry.epoch,
        id=entry.id,
    )
