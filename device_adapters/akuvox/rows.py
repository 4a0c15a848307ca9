"""An entry of ours as a row of a phone's user table, and the other way round."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from device_adapters.akuvox import windows
from device_adapters.akuvox.profiles import Profile
from device_adapters.akuvox.windows import Window
from device_adapters.port import Fit, Garbled, Held, Opened
from domain.devices import CredentialKind
from domain.rights import Entry

KEY: Final = re.compile(r"[0-9a-f]{32}(-pin|-card)?")
SCHEDULE_FIELDS: Final = ("ScheduleRelay", "Schedule-Relay", "Schedule")  # readers try all [PL]
CLOUDS: Final = "2"  # SourceType of rows that the vendor's cloud owns
HEX_CARD: Final = re.compile(r"[0-9A-F]+", re.ASCII)
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
    return {name: text(value) for name, value in item.items() if isinstance(value, str | int)}


def text(value: object) -> str:
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
    )


def shown(entry: Entry, profile: Profile) -> Held:
    pin = entry.pin if isinstance(entry.pin, str) else None
    return Held(
        name=name_on(entry, profile),
        pin=None if "pin" in profile.unreadable else pin,
        cards=seen_cards(entry.cards if isinstance(entry.cards, frozenset) else (), profile),
        opens=windows.opens([(str(window), relays) for window, relays in wanted_pairs(entry)]),
        room=entry.room,
    )


def seen_cards(codes: Collection[str], profile: Profile) -> frozenset[str]:
    return frozenset() if "card" in profile.unreadable else frozenset(normal(c) for c in codes if c)


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


def row_of(entry: Entry, ids: Mapping[str, str], profile: Profile) -> dict[str, str]:
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
        "LiftFloorNum": "0",
        "Type": "0",
        **dict.fromkeys(profile.schedule_write, value),
        profile.room: entry.room or "",
    }


def fit(entry: Entry, profile: Profile) -> Fit:
    """As many cards as there is room for: to lose one is better than to lose all."""
    if any(max(grant.relays) > profile.relays for grant in entry.grants):
        return nothing(entry, f"the phone has {profile.relays} relays")
    lacks = dict[CredentialKind, str]()
    pin = entry.pin if isinstance(entry.pin, str) else None
    if pin and (why := unfit_pin(pin, profile)):
        pin, lacks["pin"] = None, why
    cards = entry.cards if isinstance(entry.cards, frozenset) else frozenset()
    if (taken := frozenset(fitting(cards, profile))) != cards:
        lacks["card"] = f"takes {len(taken)} of {len(cards)} cards"
    if not lacks:
        return Fit(entry=entry, lacks=lacks)
    if not pin and not taken:
        return Fit(entry=None, lacks=lacks)
    return Fit(entry=trimmed(entry, pin, taken), lacks=lacks)


def trimmed(entry: Entry, pin: str | None, cards: frozenset[str]) -> Entry:
    return replace(entry, pin=pin, cards=cards, room=entry.room if pin else None)


def nothing(entry: Entry, why: str) -> Fit:
    kinds: tuple[CredentialKind, ...] = ("pin", "card")
    has = {"pin": entry.pin, "card": entry.cards}
    return Fit(entry=None, lacks={kind: why for kind in kinds if has[kind]})


def unfit_pin(pin: str, profile: Profile) -> str | None:
    """A3: the model may ask for more than the property manager's rule."""
    if profile.pin_digits is None:
        return "the phone has no keypad"
    least, most = profile.pin_digits
    if least <= len(pin) <= most:
        return None
    return f"the phone takes PINs of {least} to {most} digits"


def fitting(cards: frozenset[str], profile: Profile) -> Iterator[str]:
    """Hex only (A8); what is beyond the text that can be read back could not be verified [SY]."""
    used = count = 0
    for code in sorted(cards):
        length = len(normal(code)) + (1 if count else 0)
        legible = HEX_CARD.fullmatch(code)
        if legible and count < profile.cards and used + length <= profile.card_text:
            used, count = used + length, count + 1
            yield code


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
