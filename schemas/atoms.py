"""The values that Avro knows: what their type is called there, and how they are written."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from domain.record import frozen

Convert = Callable[[Any], Any]
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DAY_ONE: Final = EPOCH.date().toordinal()
MICROSECOND: Final = timedelta(microseconds=1)


@frozen
class Atom:
    """`there` makes what Avro writes, `back` undoes it; None where nothing is to be done."""

    avro: Any
    there: Convert | None = None
    back: Convert | None = None


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment(micros: int) -> datetime:
    return EPOCH + timedelta(0, 0, micros)


def day_number(day: date) -> int:
    return day.toordinal() - DAY_ONE


def day(number: int) -> date:
    return date.fromordinal(number + DAY_ONE)


def micros_of_day(t: time) -> int:
    return ((t.hour * 60 + t.minute) * 60 + t.second) * 1_000_000 + t.microsecond


def time_of_day(micros: int) -> time:
    seconds, micro = divmod(micros, 1_000_000)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60, micro)


def logical(type: str, name: str, there: Convert, back: Convert) -> Atom:
    return Atom(avro={"type": type, "logicalType": name}, there=there, back=back)


ATOMS: Final[dict[Any, Atom]] = {
    str: Atom(avro="string"),
    int: Atom(avro="long"),
    bool: Atom(avro="boolean"),
    float: Atom(avro="double"),
    bytes: Atom(avro="bytes"),
    UUID: logical("string", "uuid", str, UUID),
    datetime: logical("long", "timestamp-micros", micros, moment),
    date: logical("int", "date", day_number, day),
    time: logical("long", "time-micros", micros_of_day, time_of_day),
}
