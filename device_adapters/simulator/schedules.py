"""When a phone lets somebody in: its schedules, and the pairs that tie them to relays (S8, S12)."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from device_adapters.simulator.profiles import Profile
from device_adapters.simulator.tables import ERROR_PARAM, FAILED, Item, Rejected, Row, Table

DAYS = ("Sun", "Mon", "Tue", "Wed", "Thur", "Fri", "Sat")
NORMAL, WEEKLY, DAILY = "0", "1", "2"
MAX_SCHEDULES = 100
ALWAYS = {"ID": "1001", "Name": "Always", "Type": DAILY, "Daily": "00:00-23:59"}
NEVER = {"ID": "1002", "Name": "Never", "Type": DAILY}

_HOUR = r"([01]\d|2[0-3]):[0-5]\d"
SHAPES = {
    "Type": "[012]",
    "DateStart": r"(\d{8})?",
    "DateEnd": r"(\d{8})?",
    "TimeStart": f"({_HOUR})?",
    "TimeEnd": f"({_HOUR})?",
    "Week": "[0-6]*",
    "Daily": f"({_HOUR}-{_HOUR})?",
    **dict.fromkeys(DAYS, "[01]?"),
}


class Schedules(Table):
    """At most a hundred [KB], beside two from the factory that nobody may change."""

    defaults: Mapping[str, str] = {
        "Name": "",
        "Type": NORMAL,
        "Mode": NORMAL,
        "DateStart": "",
        "DateEnd": "",
        "TimeStart": "",
        "TimeEnd": "",
        "Week": "",
        **dict.fromkeys(DAYS, "0"),
        "Daily": "",
        "DisplayID": "",
        "SourceType": "1",
    }

    def __init__(self, profile: Profile) -> None:
        super().__init__(first_id=1003)
        self.profile = profile
        self.reset()

    def reset(self) -> None:
        rows = [{**self.defaults, **row} for row in (ALWAYS, NEVER)]
        self.restore({"next_id": self.first_id, "rows": rows})

    def clear(self) -> None:
        for row in [row for row in self if not from_factory(row)]:
            self.drop(row)

    def own(self, item: Item) -> Row:
        known = super().own(item)
        if from_factory(known):
            raise Rejected(FAILED)
        return known

    def kept(self, known: Row) -> Row:
        """`set` wants the full record: what it leaves out is lost [PL]."""
        return {"ID": known["ID"], **self.defaults}

    def accepted(self, item: Item, known: Row | None) -> Row:
        row = dict(super().accepted(item, known))
        if any(not re.fullmatch(SHAPES[name], row[name]) for name in SHAPES.keys() & row.keys()):
            raise Rejected(ERROR_PARAM)
        if known is None and len(self) >= MAX_SCHEDULES + 2:
            raise Rejected(FAILED)
        return row | {"Mode": row.get("Type", NORMAL)} | self.days(row)

    def days(self, row: Row) -> dict[str, str]:
        """From the digits of Week, where no flag is given and the model does so (S6)."""
        if not self.profile.days_from_week or row.keys() & set(DAYS):
            return {}
        return {DAYS[int(digit)]: "1" for digit in row.get("Week", "")}


def from_factory(row: Row) -> bool:
    return row["ID"] in (ALWAYS["ID"], NEVER["ID"])


def allows(row: Row, local: datetime) -> bool:
    """Whether a schedule admits at this wall-clock time of the phone, ends included.

    A window that ends before it starts runs over midnight and belongs to the day it began [G].
    """
    yesterday = local - timedelta(days=1)
    start, end = window(row)
    hour = f"{local:%H:%M}"
    if start <= end:
        return start <= hour <= end and on_day(row, local)
    return (hour >= start and on_day(row, local)) or (hour <= end and on_day(row, yesterday))


def window(row: Row) -> tuple[str, str]:
    """First and last minute, as HH:MM; without one, none."""
    if row["Type"] == DAILY and row["Daily"]:
        start, _, end = row["Daily"].partition("-")
        return start, end
    return (row["TimeStart"], row["TimeEnd"]) if row["TimeEnd"] else ("24:00", "24:00")


def on_day(row: Row, day: datetime) -> bool:
    if row["Type"] == DAILY:
        return True
    in_range = row["Type"] == WEEKLY or in_dates(row, f"{day:%Y%m%d}")
    return in_range and row[DAYS[int(f"{day:%w}")]] == "1"


def in_dates(row: Row, day: str) -> bool:
    return (row["DateStart"] or "0") <= day <= (row["DateEnd"] or "9")


def pairs(value: str) -> list[tuple[str, str]]:
    """`1001-12;1003-1;` as schedule and relay digits: [("1001", "12"), ("1003", "1")]."""
    return [(s, r) for s, _, r in (pair.partition("-") for pair in re.findall(r"\d+-\d+", value))]


def is_value(value: str, separators: str) -> bool:
    """Whether a model takes this value of a schedule field."""
    one = f"[{separators}]"
    return re.fullmatch(rf"(\d+-\d+({one}\d+-\d+)*{one}?)?", value) is not None
