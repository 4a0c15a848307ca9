"""What each model does its own way, as data with its source (letters as in device-protocol.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One model. `source` says where its oddities were seen; [G] marks our guesses.

    separators: between and after the pairs of a schedule value (`1001-1,1002-2`); all are accepted.
    pin_digits: shortest and longest code that its keypad takes; None: it has no keypad.
    unsupported: `target/action` pairs that it refuses.
    needs_target: a body must name its `target`. days_from_week: Week's digits set the day flags.
    knows_cities: SNTP.Name decides its clock, also where that is changed; else SNTP.TimeZone [G].
    vehicles, faces: whether it knows plates and tags, and people by their photos [G].
    success, mutation_data: the retcode of a write, and what stands in its `data`.
    """

    model: str
    firmware: str
    source: str
    relays: int
    inputs: int
    max_users: int
    hardware: str = "0.0.0.0.0.0.0.0"
    schedule_write: str = "ScheduleRelay"
    schedule_read: str = "ScheduleRelay"
    separators: str = ","
    item_key: str = "item"
    success: int = 0
    mutation_data: Literal["absent", "null", "empty"] = "absent"
    content_type: str = "application/json"
    pin_digits: tuple[int, int] | None = (2, 8)
    needs_target: bool = False
    days_from_week: bool = True
    apartment_book: bool = False
    unsupported: frozenset[str] = frozenset()
    more_user_fields: Mapping[str, str] = field(default_factory=dict)
    open_door: Literal["marker", "bare", "new-interface"] = "marker"
    base64_secrets: bool = False
    knows_cities: bool = False
    log_rows: int = 1000
    vehicles: bool = False
    faces: bool = False


X916 = Profile(
    model="X916",
    firmware="916.30.10.114",
    source="[PL] matrix X916; [HA] 4 relays, 4 inputs; [KB] 50,000 users; rows kept [G]",
    relays=4,
    inputs=4,
    max_users=50_000,
    vehicles=True,
    faces=True,
)

X915S = Profile(
    model="X915S",
    firmware="2915.30.10.114",
    source="[PL] matrix X915S, issues #118 (reads `Schedule`), #121 (contacts read-only); [HA] 3/3",
    relays=3,
    inputs=3,
    max_users=20_000,
    schedule_read="Schedule",
    success=1,
    mutation_data="null",
    apartment_book=True,
    knows_cities=True,
    unsupported=frozenset({"contact/add", "contact/set", "contact/del", "contact/clear"}),
    vehicles=True,
    faces=True,
)

E18 = Profile(
    model="E18",
    firmware="18.30.11.21",
    source="[PLs] 006: writes `Schedule-Relay`; `target`, day flags needed; [HA] 2/3; users [G]",
    relays=2,
    inputs=3,
    max_users=10_000,
    schedule_write="Schedule-Relay",
    success=1,
    needs_target=True,
    days_from_week=False,
    vehicles=True,
    faces=True,
)

R20A = Profile(
    model="R20A",
    firmware="320.30.11.63",
    source="[PL] matrix R20A (old OpenDoor refused, issue #234); [SY] r20a.php: `;`, 4,000 users",
    relays=2,
    inputs=2,
    max_users=4_000,
    separators=",;",
    open_door="new-interface",
    vehicles=True,
)

S532 = Profile(
    model="S532",
    firmware="532.30.10.8",
    source="[SY] s532.php: 10,000 users, base64 secrets, fields; [HA] 2/4; firmware [G]",
    relays=2,
    inputs=4,
    max_users=10_000,
    schedule_write="Schedule-Relay",
    separators=";",
    mutation_data="empty",
    base64_secrets=True,
    more_user_fields=MappingProxyType(
        {
            "DoorNum": "0",
            "C4Event": "0",
            "PriorityCall": "0",
            "DialAccount": "0",
            "PhoneNum": "",
            "ContactID": "",
            "Group": "Default",
            "QrCodeUrl": "",
        }
    ),
)

E12W = Profile(
    model="E12W",
    firmware="312.30.11.15",
    source="[PL] matrix E12W (`,`, issue #299); [SY] e12.php: `;`, 1,000 users; no keypad [KB]",
    relays=1,
    inputs=2,
    max_users=1_000,
    separators=",;",
    success=1,
    content_type="text/plain",
    pin_digits=None,
    open_door="bare",
)

R29 = Profile(
    model="R29",
    firmware="29.30.10.17",
    source="[PY] field notes; [PL] probe: older firmware says `Item`; [HA] 3/3; the rest [G]",
    relays=3,
    inputs=3,
    max_users=20_000,
    item_key="Item",
    content_type="text/html",
    knows_cities=True,
    unsupported=frozenset({"input/status"}),  # [G]
    vehicles=True,
    faces=True,
)

# An indoor monitor opens no door and keeps nobody: what it has to say are alarms (M125).
TABLES = product(("user", "schedule", "group", "contact"), ("get", "add", "set", "del", "clear"))
C313W = Profile(
    model="C313W",
    firmware="213.30.10.222",
    source="[G]: the vendor's catalogue; it has system and config of the others",
    relays=1,
    inputs=4,
    max_users=0,
    pin_digits=None,
    unsupported=frozenset({*map("/".join, TABLES), "doorlog/get"}),
)

PROFILES: Mapping[str, Profile] = MappingProxyType(  # of door phones
    {profile.model: profile for profile in (X916, X915S, E18, R20A, S532, E12W, R29)}
)
MODELS: Mapping[str, Profile] = MappingProxyType({**PROFILES, C313W.model: C313W})
