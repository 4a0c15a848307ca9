"""An entry of ours as a row of a phone's user table, and the other way round."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from device_adapters.akuvox import windows
from device_adapters.akuvox.profiles import Profile
from device_adapters.akuvox.windows import Window
from device_adapters.port import Garbled, Held, Opened
from domain.rights import METHODS, Entry

KEY: Final = re.compile(rf"[0-9a-f]{{32}}(-({'|'.join(METHODS)}))?")
SCHEDULE_FIELDS: Final = ("ScheduleRelay", "Schedule-Relay", "Schedule")  # readers try all [PL]
CLOUDS: Final = "2"  # SourceType of rows that the vendor's cloud owns
PLACES: Final = 5  # of vehicles in a row, the empty ones, too [UL]
REGISTERED: Final = ("FaceRegisterStatus", "FaceRegister")  # by version [UL]
FILED: Final = ("FaceFileName", "FaceUrl")  # the second may be a whole path [UL]
LEGIBLE: Final = (str, int, list)
Row = Mapping[str, str]


def rows_of(data: Mapping[str, Any]) -> list[Row]:
    """The rows of a list, all values as strings; some firmware says `Item` [PLs]."""
    items = data.get("item", data.get("Item", []))
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Garbled("no list of rows")
    return [item if all_text(item) else in_text(item) for item in items]


def all_text(item: Mapping[str, Any]) -> bool:
    return all(type(value) is str for value in item.values())


def in_text(item: Mapping[str, Any]) -> Row:
    """Most are text already: there are thousands of rows with dozens of values."""
    return {
        name: value if type(value) is str else text(value)
        for name, value in item.items()
        if isinstance(value, LEGIBLE)
    }


def text(value: object) -> str:
    """Of the places of vehicles those that are taken, by `;`."""
    if isinstance(value, list):
        return ";".join(str(one.get("Plate") or "") for one in value if isinstance(one, dict))
    return str(int(value)) if isinstance(value, bool) else str(value)


def ours(row: Row) -> bool:
    return bool(KEY.fullmatch(row.get("UserID", ""))) and row.get("SourceType") != CLOUDS


def by_hand(row: Row) -> bool:
    """Neither ours nor the cloud's."""
    return not ours(row) and row.get("SourceType") != CLOUDS


def by_key(rows: Sequence[Row]) -> dict[str, Row]:
    """The second row under a key is a stranger under a name of its own."""
    found = dict[str, Row]()
    for row in filter(ours, rows):
        key = row["UserID"]
        found[f"{key}#{row.get('ID', '')}" if key in found else key] = row
    return found


def schedule_value(row: Row) -> str:
    return next((row[name] for name in SCHEDULE_FIELDS if row.get(name)), "")


def held(row: Row, meaning: Mapping[str, str], profile: Profile) -> Held:
    """`meaning` gives the words of the phone's schedules by id."""
    pairs = windows.pairs_of(schedule_value(row))
    return Held(
        name=row.get("Name", ""),
        pin=None if "pin" in profile.unreadable else row.get("PrivatePIN") or None,
        cards=seen_cards(re.split("[;,]", row.get("CardCode", "")), profile),
        opens=windows.opens([(meaning.get(id, f"unknown {id}"), relays) for id, relays in pairs]),
        room=row.get(profile.room) or None,
        vehicles=seen_vehicles(row.get("LicensePlate", "").split(";"), profile),
        face=None if "face" in profile.unreadable else seen_face(row),
        floors=frozenset(map(int, re.findall(r"[0-9]{1,4}", row.get("LiftFloorNum", "")))) - {0},
    )


def shown(entry: Entry, profile: Profile) -> Held:
    pin = entry.pin if isinstance(entry.pin, str) else None
    return Held(
        name=name_on(entry, profile),
        pin=None if "pin" in profile.unreadable else pin,
        cards=seen_cards(entry.cards if isinstance(entry.cards, frozenset) else (), profile),
        opens=windows.opens([(str(window), relays) for window, relays in wanted_pairs(entry)]),
        room=entry.room,
        vehicles=seen_vehicles(vehicles(entry), profile),
        face=None if "face" in profile.unreadable else face_file(entry),
        floors=entry.floors,
    )


def seen_cards(codes: Collection[str], profile: Profile) -> frozenset[str]:
    return frozenset() if "card" in profile.unreadable else frozenset(normal(c) for c in codes if c)


def seen_vehicles(codes: Collection[str], profile: Profile) -> frozenset[str]:
    hidden = not {"uhf", "plate"}.isdisjoint(profile.unreadable)
    return frozenset() if hidden else frozenset(c.strip().upper() for c in codes if c.strip())


def seen_face(row: Row) -> str | None:
    """Which photo it has taken, by the name of the file; one that it knows nothing of is `?`."""
    if next((row[name] for name in REGISTERED if row.get(name)), "0") != "1":
        return None
    path = next((row[name] for name in FILED if row.get(name)), "?")
    return path.rpartition("/")[2]


def vehicles(entry: Entry) -> frozenset[str]:
    """Tags stand where plates do [G]: the cloud sends but one of them (M36, [KB])."""
    kinds = (entry.uhf, entry.plates)
    return frozenset[str]().union(*(codes for codes in kinds if isinstance(codes, frozenset)))


def face_file(entry: Entry) -> str | None:
    """What the phone is to call the photo: another name for another photo."""
    return f"{entry.key}-{entry.face[:16]}.jpg" if isinstance(entry.face, str) else None


def normal(code: str) -> str:
    """Without leading zeros, an even number of digits [SY]."""
    short = code.strip().upper().lstrip("0") or "0"
    return short.zfill(len(short) + len(short) % 2)


def name_on(entry: Entry, profile: Profile) -> str:
    return entry.name[: profile.name].strip() if isinstance(entry.name, str) else "-"


def wanted_pairs(entry: Entry) -> Iterator[tuple[Window, frozenset[int]]]:
    for grant in entry.grants:
        for window in windows.windows(grant.schedule):
            yield window, grant.relays


def row_of(entry: Entry, ids: Mapping[str, str], profile: Profile) -> dict[str, Any]:
    """The whole of it, so that what is gone is emptied; `ids` gives schedules by their words."""
    pairs = dict[str, set[int]]()
    for window, relays in wanted_pairs(entry):
        pairs.setdefault(ids[str(window)], set()).update(relays)
    digits = {id: "".join(map(str, sorted(relays))) for id, relays in sorted(pairs.items())}
    value = profile.separator.join(f"{id}-{relays}" for id, relays in digits.items())
    cards = entry.cards if isinstance(entry.cards, frozenset) else ()
    return {
        "UserID": entry.key,
        "Name": name_on(entry, profile),
        "PrivatePIN": entry.pin if isinstance(entry.pin, str) else "",
        "CardCode": ";".join(sorted(map(normal, cards))),
        "WebRelay": "0",
        "LiftFloorNum": ";".join(map(str, sorted(entry.floors))) or "0",
        "Type": "0",
        **dict.fromkeys(profile.schedule_write, value),
        profile.room: entry.room or "",
        **more(entry, profile),
    }


def more(entry: Entry, profile: Profile) -> dict[str, Any]:
    """Of vehicles and faces, what the model knows of them."""
    found: dict[str, Any] = {}
    if profile.vehicles:
        taken = [{"Plate": code} for code in sorted(vehicles(entry))]
        found["LicensePlate"] = [*taken, *({} for _ in range(PLACES - len(taken)))]
    if profile.faces:
        file = face_file(entry)
        found |= dict.fromkeys(REGISTERED, "1" if file else "0") | {"FaceFileName": file or ""}
    return found


def opened(row: Row) -> Opened:
    """A line of the door log. Relays come as digits or letters."""
    relays = row.get("Relay", "").upper().translate(str.maketrans("ABCD", "1234"))
    return Opened(
        id=number(row.get("ID", "")),
        local=local(f"{row.get('Date', '')}T{row.get('Time', '')}"),
        method=row.get("Type", "")[:40],
        name=row.get("Name", ""),
        code=row.get("Code", ""),
        relays=frozenset(int(digit) for digit in relays if digit in "1234"),
        success=row.get("Status", "").lower().startswith("succ"),
    )


def number(digits: str) -> int:
    if not re.fullmatch("[0-9]{1,18}", digits):
        raise Garbled("an id that is no number")
    return int(digits)


def local(written: str) -> datetime | None:
    try:
        return datetime.fromisoformat(written).replace(tzinfo=None)
    except ValueError:
        return None
