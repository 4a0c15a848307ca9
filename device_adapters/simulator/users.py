"""The people whom a phone knows, and how their codes are matched (S6, S7, S9, S10, S13)."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from device_adapters.simulator.profiles import Profile
from device_adapters.simulator.schedules import is_value
from device_adapters.simulator.tables import (
    ERROR_PARAM,
    FAILED,
    Item,
    Rejected,
    Row,
    Shown,
    Table,
    text,
)

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
    # As [UL] has them; here plates stand by `;`, and FaceID is what the phone makes of a photo.
    "LicensePlate": "",
    "FaceFileName": "",
    "FaceUrl": "",
    "FaceRegisterStatus": "0",
    "FaceID": "",
}
ASSIGNED = ("Source", "SourceType")
FACE = ("FaceFileName", "FaceUrl", "FaceRegisterStatus", "FaceID")
PLACES = 5  # for plates, or for tags [KB]


class Users(Table):
    searched = ("Name", "UserID", "PrivatePIN", "CardCode")

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.profile, self.capacity = profile, profile.max_users
        self.by_user_id: dict[str, str] = {}
        self.defaults = {**USER, **profile.more_user_fields}
        self.files: dict[str, str] = {}  # of photos: the face in each

    def accepted(self, item: Item, known: Row | None) -> Row:
        row = {name: text(item[name]) for name in self.written() if name in item}
        row |= {**self.schedule(item, known), **self.plates(item), **self.face(item, known)}
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
        others = {*ASSIGNED, *FACE, "LicensePlate"}
        return (n for n in self.defaults if n not in others and not n.startswith("Schedule"))

    def plates(self, item: Item) -> Row:
        """`[{"Plate": "AB12"}, {}, {}, {}, {}]` [UL]."""
        places = item.get("LicensePlate")
        if places is None or not self.profile.vehicles:
            return {}
        if not isinstance(places, list) or len(places) > PLACES:
            raise Rejected(ERROR_PARAM)
        found = [text(place["Plate"]) for place in places if isinstance(place, dict) and place]
        return {"LicensePlate": ";".join(found)}

    def face(self, item: Item, known: Row | None) -> Row:
        """A photo that was imported before, and in which there is a face; else nobody is known."""
        if "FaceFileName" not in item or not self.profile.faces:
            return {}
        name, wanted = text(item["FaceFileName"]), item.get("FaceRegisterStatus") == "1"
        before = known["FaceID"] if known and known["FaceFileName"] == name else ""
        face = (self.files.get(name, "") or before) if name and wanted else ""
        if not face:
            return {name: USER[name] for name in FACE}
        path = f"/mnt/Face/{name}"
        return dict(zip(FACE, (name, path, "1", face), strict=True))

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

    def shown(self, row: Row) -> Shown:
        shown: dict[str, Any] = {n: v for n, v in row.items() if n not in self.unknown()}
        if "LicensePlate" in shown:
            plates = [{"Plate": plate} for plate in listed(row, "LicensePlate")]
            shown["LicensePlate"] = [*plates, *({} for _ in range(PLACES - len(plates)))]
        shown[self.profile.schedule_read] = shown.pop("ScheduleRelay")
        shown["CardCode"] = shown["CardCode"][:CARD_CHARACTERS]
        return shown

    def unknown(self) -> frozenset[str]:
        """Fields that the model does not have, or keeps to itself."""
        faces = {"FaceID"} if self.profile.faces else set(FACE)
        return frozenset(faces | (set() if self.profile.vehicles else {"LicensePlate"}))


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


def face_in(picture: bytes) -> str:
    """What the phone makes of a photo; somebody shows the same to be let in."""
    return sha256(picture).hexdigest()[:16]


def has_face(row: Row, code: str) -> bool:
    return row["FaceID"] == code
