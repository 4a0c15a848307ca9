"""A reported alarm is somebody's business: it becomes an event (M124-M126)."""

from commands.alarms import RaiseAlarm
from commands.reactions import reacts_to
from domain.reports import AlarmReported
from eventlog.port import Recorded


@reacts_to(AlarmReported)
def alarm_raised(r: Recorded[AlarmReported]) -> RaiseAlarm:
    return RaiseAlarm(
        kind=r.event.kind,
        device=r.event.device,
        name=r.event.door_name,
        relay=r.event.relay,
        building=r.event.building,
        apartment=r.event.apartment,
        heard_at=r.recorded_at,
    )
