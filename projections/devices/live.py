"""What the adapters know of the phones right now, which is no event yet (doors.lanes)."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from domain.record import frozen

Reach = Literal["online", "offline", "not_reached_yet"]
Doc = dict[str, Any]
SETTLED = ("verified", "unverifiable", "undeliverable")
TRIES = 3  # in vain, then it is left alone for a while (D3)
REACHES: Mapping[bool | None, Reach] = {True: "online", False: "offline", None: "not_reached_yet"}
NOW = """
    select * from doors.lanes
    where device = any(%s) and told_at > clock_timestamp() - interval '1 minute'"""


@frozen
class Trial:
    """Somebody's record that is not as wanted: `sent` is written and not yet read back. `tries`: so
    often in vain; `again_at`: when it is written next, none if it is its turn.
    """

    state: Literal["sent", "mismatch", "rejected"]
    tries: int
    reason: str | None
    again_at: datetime | None


@frozen
class LaneDoc:
    """How a phone's own adapter stands: `failure` is why it does not answer, `seen_at` when it last
    did. So many changes wait for it, `revocations` of them of what must go, the oldest since
    `waiting_since`; `suspended` are those that failed three times and are left alone for a while.
    """

    reach: Reach
    failure: str | None
    seen_at: datetime | None
    waiting: int
    revocations: int
    waiting_since: datetime | None
    suspended: int


@frozen
class Live:
    """`trials` of the people who are not well there."""

    lane: LaneDoc
    trials: Mapping[UUID, Trial]


def live(db: Connection[Any], devices: Collection[UUID]) -> Mapping[UUID, Live]:
    """Of those phones whose adapters told something lately."""
    with db.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(NOW, [list(devices)]).fetchall()
    return {row["device"]: Live(lane=lane_of(row), trials=trials_of(row)) for row in rows}


def lane_of(row: Mapping[str, Any]) -> LaneDoc:
    return LaneDoc(
        reach=REACHES[row["online"]],
        failure=row["failure"],
        seen_at=row["seen_at"] and row["seen_at"].replace(microsecond=0).astimezone(UTC),
        waiting=row["waiting"],
        revocations=row["revocations"],
        waiting_since=row["waiting_since"]
        and row["waiting_since"].replace(microsecond=0).astimezone(UTC),
        suspended=row["suspended"],
    )


def trials_of(row: Mapping[str, Any]) -> Mapping[UUID, Trial]:
    return {
        UUID(said["holder"]): Trial(
            state=said["state"],
            tries=said["tries"],
            reason=said["reason"],
            again_at=said["again_at"] and datetime.fromisoformat(said["again_at"]),
        )
        for said in row["trying"]
    }


def shown(credential: Doc, live: Live | None, holder: UUID, since: str | None) -> Doc:
    """As it stands now (standing.CredentialDoc), from what was last said of it."""
    known = credential | {"wanted_since": since}
    if live is None or credential["state"] in SETTLED:
        return known
    if trial := live.trials.get(holder):
        known |= {"tries": trial.tries, "reason": trial.reason or known["reason"]}
        known |= {"again_at": trial.again_at and trial.again_at.isoformat()}
    away = None if live.lane.reach == "online" else live.lane.failure
    known |= {"reason": away or known["reason"]}
    if credential["state"] == "withdrawing":
        return known
    if away or known["tries"] >= TRIES:
        return known | {"state": "blocked"}
    return known | ({"state": trial.state} if trial else {})
