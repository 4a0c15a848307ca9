"""The people whom a phone knows, and how their codes are matched (S6, S7, S9, S10, S13)."""

from collections.abc import Iterator, Mapping
from typing import Any

from device_adapters.simulator.profiles import Profile
from device_adapters.simulator.schedules import is_value
from device_adapters.simulator.tables import ERROR_PARAM, FAILED, Item, Rejected, Row, Table, text

CARD_CHARACTERS = 63
USER: Mapping[str, str] = {
    "UserID": "",
    "Name": "",
    "PrivatePIN": "",
    "CardCode": "",
    "ScheduleRelay": "",
    "ScheduleSRelay": "",
    "WebRelay": "0",
    "LiftFloorNum": "0",
    "Type": "0",
    "Source": "Local",
    "SourceType": "1",
    # Seen on user rows by [PL]'s probe; that they hold the apartment is our reading.
    "Building": "",
    "Room": "",
    # [KB] says that plates and faces exist; the names of the fields are guesses [G].
    "LicensePlate": "",
    "FaceID": "",
}
ASSIGNED = ("Source", "SourceType")


class Users(Table):
    searched = ("Name", "UserID", "PrivatePIN", "CardCode")

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.profile, self.capacity = profile, profile.max_users
        self.by_user_id: dict[str, str] = {}
        self.defaults = {**USER, **profile.more_user_fields}

    def accepted(self, item: Item, known: Row | None) -> Row:
        row = {name: text(item[name]) for name in self.written() if name in item}
        row |= self.schedule(item, known)
        # The second relay's field answers success and stores nothing [PLs 006].
        row["ScheduleSRelay"] = ""
        if known is None:
            if len(self) >= self.capacity:
                raise Rejected(FAILED)
            # [SY] adds cards without a UserID; that the phone then makes one is a guess [G].
            row["UserID"] = row.get("UserID") or str(self.next_id)
        holder = self.by_user_id.get(row.get("UserID", ""))
        if holder and (known is None or holder != known["ID"]):
            raise Rejected(FAILED)
        return row

    def put(self, row: Row) -> None:
        if known := self.rows.get(row["ID"]):
            self.by_user_id.pop(known["UserID"], None)
        super().put(row)
        self.by_user_id[row["UserID"]] = row["ID"]

    def drop(self, row: Row) -> None:
        super().drop(row)
        self.by_user_id.pop(row["UserID"], None)

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.by_user_id = {}
        super().restore(kept)

    def written(self) -> Iterator[str]:
        return (n for n in self.defaults if n not in ASSIGNED and not n.startswith("Schedule"))

    def schedule(self, item: Item, known: Row | None) -> Row:
        """Under the model's own name only; the other name is not seen (S7)."""
        value = item.get(self.profile.schedule_write)
        if value is None and known is None:
            raise Rejected(FAILED)
        if value is None:
            return {}
        if not is_value(text(value), self.profile.separators):
            raise Rejected(ERROR_PARAM)
        return {"ScheduleRelay": value}

    def shown(self, row: Row) -> Row:
        shown = dict(row)
        shown[self.profile.schedule_read] = shown.pop("ScheduleRelay")
        shown["CardCode"] = shown["CardCode"][:CARD_CHARACTERS]
        return shown


def card(code: str) -> str:
    """Without leading zeros, an even number of digits, capitals [SY]."""
    short = code.strip().lstrip("0").upper()
    return "0" + short if len(short) % 2 else short


def listed(row: Row, name: str) -> list[str]:
    return [part.strip() for part in row[name].split(";") if part.strip()]


def has_pin(row: Row, code: str) -> bool:
    return row["PrivatePIN"] == code


def has_pin_at_apartment(row: Row, code: str) -> bool:
    """`APT#PIN`, the apartment being the row's Room (APT+PIN mode)."""
    apartment, _, pin = code.rpartition("#")
    return bool(apartment) and row["Room"] == apartment and row["PrivatePIN"] == pin


def has_card(row: Row, code: str) -> bool:
    return card(code) in map(card, listed(row, "CardCode"))


def has_plate(row: Row, code: str) -> bool:
    return code.upper() in (plate.upper() for plate in listed(row, "LicensePlate"))


def has_face(row: Row, code: str) -> bool:
    return row["FaceID"] == code
