"""What each model does its own way, as data. Letters in `source` as in device-protocol.md."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from device_adapters.port import Limits
from domain.capabilities import is_monitor
from domain.devices import CredentialKind


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One model, or the cautious one for models that nobody has described.

    schedule_write: names under which the pairs of schedule and relays are sent. separator: between
    them. pin_digits: shortest and longest PIN, None without a keypad. cards, card_text: how many a
    person may have, and how many characters of them can be read back. name: longest, in
    characters. batch: records in a write, so that what must go does not wait for it longer than
    1.5 s. users: 0 where it keeps nobody, and has no log of doors. pause, settle: seconds after a
    request, and after a write before it can be read back. pin_mode, room: the setting that is "1"
    where APT#PIN is to be keyed in, and the field with the apartment. knows_cities: it changes its
    clock by itself where its city does; else it is to be given another offset each time. vehicles:
    plates or UHF tags that a person may have; faces: it knows people by their photos; floors: up to
    which it calls a lift. What is not known to be there is 0, for what a phone does not know it
    would never show, and nobody could tell whether the rest of the record is right (M128).
    """

    model: str
    source: str
    relays: int = 4
    users: int = 1_000
    schedule_write: tuple[str, ...] = ("ScheduleRelay", "Schedule-Relay")
    separator: str = ","
    schedules: int = 100
    pin_digits: tuple[int, int] | None = (2, 8)
    cards: int = 5
    card_text: int = 63
    name: int = 63
    batch: int = 10
    pause: float = 0.25
    settle: float = 2.0
    unreadable: frozenset[CredentialKind] = frozenset()
    pin_mode: str = "Config.DoorSetting.PASSWORD.PinMode"
    room: str = "Room"
    knows_cities: bool = False
    vehicles: int = 0
    faces: bool = False
    floors: int = 0

    def paced(self, pause: float, settle: float, batch: int = 100) -> "Profile":
        """For a phone that needs no sparing, such as a simulated one."""
        return replace(self, pause=pause, settle=settle, batch=batch)

    @property
    def limits(self) -> Limits:
        return Limits(batch=self.batch, settle=self.settle, unreadable=self.unreadable)


CAUTIOUS = Profile(
    model="",
    source=(
        "both schedule fields, `,`, 0.25 s and 2 s [PL]; fewest users of any model [SY] E12; 100 "
        "schedules, 5 cards [KB]; 63 characters of cards [SY]; PIN 2 to 8 [KB]; name [G]; batch: "
        "132 ms a user [SY] S532 within 1.5 s; `Room` is on user rows [PL], that it is the "
        "apartment [G]; pin_mode [G]; that it does not know when its city changes the clock [G]"
    ),
)

# Five vehicles [KB], on rows as [UL] has them; which models, and which know faces: as the vendor's
# catalogue says [G]. LiftFloorNum is on rows [PL][SY][UL]; that several of 1 to 128 stand there by
# `;`: [G]. [UL] is Ultra-The-Dev's integration for Home Assistant.
KNOWN = (
    Profile(
        model="X916",
        source="field [PL]; 4 relays [HA]; 50,000 users [KB]",
        relays=4,
        users=50_000,
        schedule_write=("ScheduleRelay",),
        vehicles=5,
        faces=True,
        floors=128,
    ),
    Profile(
        model="X915S",
        source="reads `Schedule` [PLs]; 3 relays [HA]; 20,000 users [KB]",
        relays=3,
        users=20_000,
        schedule_write=("ScheduleRelay",),
        vehicles=5,
        faces=True,
        floors=128,
    ),
    Profile(
        model="E18",
        source="writes `Schedule-Relay` alone [PLs]; 2 relays [HA]; users [G]",
        relays=2,
        users=10_000,
        schedule_write=("Schedule-Relay",),
        vehicles=5,
        faces=True,
        floors=128,
    ),
    Profile(
        model="R20A",
        source="`;`, 4,000 users [SY]; 2 relays [HA]",
        relays=2,
        users=4_000,
        schedule_write=("ScheduleRelay",),
        separator=";",
        vehicles=5,
        floors=128,
    ),
    Profile(
        model="S532",
        source="10,000 users, `;`, 132 ms a user [SY]; 2 relays [HA]",
        relays=2,
        users=10_000,
        separator=";",
        floors=128,
    ),
    Profile(
        model="E12W",
        source="`,` [PL]; 1,000 users [SY]; 1 relay [HA]; no keypad [KB]",
        relays=1,
        users=1_000,
        schedule_write=("ScheduleRelay",),
        pin_digits=None,
    ),
    Profile(
        model="R29",
        source="3 relays [HA]; `Item` in lists [PY]; users [G]",
        relays=3,
        users=20_000,
        schedule_write=("ScheduleRelay",),
        vehicles=5,
        faces=True,
        floors=128,
    ),
)
PROFILES: Mapping[str, Profile] = MappingProxyType({known.model: known for known in KNOWN})
MONITOR = Profile(
    model="", source="an indoor monitor keeps nobody [G]", users=0, schedules=0, pin_digits=None
)


def profile_of(model: str) -> Profile:
    return PROFILES.get(model.upper(), MONITOR if is_monitor(model) else CAUTIOUS)
