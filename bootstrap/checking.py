"""`gatehouse device check`: asks the adapters by the log, wherever they run, and waits for word."""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import LiteralString

import psycopg
from uuid_utils.compat import uuid7

from bootstrap.house import House, the_house
from bootstrap.operations import OPERATOR
from commands.sync import CheckDevice
from domain.ids import CommunityId, DeviceId
from domain.record import frozen
from domain.sync import CheckId, DeviceChecked
from projections.devices.live import live

DOORS: LiteralString = """
    select * from (
        select community, device, called from read.devices
        union all select community, lock, called from read.locks
    ) doors
    where %(all)s or device::text = %(wanted)s or lower(called) = lower(%(wanted)s)
    order by called, device"""


@frozen
class Asked:
    home: CommunityId
    device: DeviceId
    name: str


def check_devices(wanted: str | None, seconds: float, say: Callable[[str], None]) -> bool:
    """Whether all of them answered and nothing had to be set right. `wanted`: an id or a name, or
    None for all phones and locks of all communities.
    """
    with the_house() as house:
        return checked(house, wanted, seconds, say)


def checked(house: House, wanted: str | None, seconds: float, say: Callable[[str], None]) -> bool:
    asked, position = {CheckId(uuid7()): one for one in doors(house, wanted)}, house.log.head()
    for check, one in asked.items():
        command = CheckDevice(device=one.device, check=check)
        house.bus.dispatch(command, community=one.home, actor=OPERATOR)
    found = answers(house, asked, position, seconds)
    for check, one in asked.items():
        done = found.get(check)
        say(f"{one.name}: {in_words(done) if done else silence(house, one)}")
    return all(check in found and not found[check].drifted for check in asked)


def doors(house: House, wanted: str | None) -> Sequence[Asked]:
    with psycopg.connect(house.config.database.read, connect_timeout=2) as db:
        rows = db.execute(DOORS, {"all": wanted is None, "wanted": wanted or ""}).fetchall()
    if wanted and not rows:
        raise LookupError(f"no door phone or lock is called {wanted}, nor has that id")
    return [Asked(home=CommunityId(h), device=DeviceId(d), name=name) for h, d, name in rows]


def answers(
    house: House, asked: Mapping[CheckId, Asked], position: int, seconds: float
) -> Mapping[CheckId, DeviceChecked]:
    """As far as they come in time."""
    found, deadline = dict[CheckId, DeviceChecked](), monotonic() + seconds
    while len(found) < len(asked) and (left := deadline - monotonic()) > 0:
        for r in house.log.read(after=position, wait=min(left, 1)):
            position = r.position
            if isinstance(r.event, DeviceChecked) and r.event.check in asked:
                found[r.event.check] = r.event
    return found


def in_words(done: DeviceChecked) -> str:
    return f"{done.right} right, {done.drifted} set right, {done.strangers} entered by hand"


def silence(house: House, one: Asked) -> str:
    """The phone is asked as soon as it can be reached."""
    with psycopg.connect(house.config.database.read, connect_timeout=2) as db:
        now = live(db, [one.device]).get(one.device)
    if now is None:
        return "no answer: no adapter keeps it"
    return f"no answer yet: {now.lane.failure or 'it is being worked on'}"
