"""Any legal value of any type hint: arbitrary ones to hunt with, a fixed one for golden bytes."""

from dataclasses import is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, get_args, get_origin
from uuid import NAMESPACE_OID, UUID, uuid5

from hypothesis import strategies as st

from schemas.stream import bare, hints, item

ATOMS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=20),
    int: st.integers(-(2**63), 2**63 - 1),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    bytes: st.binary(max_size=40),
    UUID: st.uuids(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    date: st.dates(),
    time: st.times(),
}


def records(record: type) -> st.SearchStrategy[Any]:
    return st.builds(record, **{name: values(hint) for name, hint in hints(record).items()})


def values(hint: Any) -> st.SearchStrategy[Any]:
    plain = bare(hint)
    found = of(plain.core)
    return st.none() | found if plain.nullable else found


def of(core: Any) -> st.SearchStrategy[Any]:
    if get_origin(core) is Literal:
        return st.sampled_from(get_args(core))
    if item(core):
        several = st.lists(values(item(core)), max_size=4)
        return several.map(get_origin(core))
    record: Any = core
    return records(record) if is_dataclass(core) else ATOMS[core]


def example(record: type) -> Any:
    """The same at every call, and something in every field."""
    return record(**{n: one(h, f"{record.__name__}.{n}") for n, h in hints(record).items()})


def one(hint: Any, path: str) -> Any:
    core = bare(hint).core
    if get_origin(core) is Literal:
        return get_args(core)[0]
    if item(core):
        return get_origin(core)(one(item(core), f"{path}[{n}]") for n in range(2))
    if is_dataclass(core):
        return example(core)  # type: ignore[arg-type]
    seed = uuid5(NAMESPACE_OID, path)
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(microseconds=seed.time_low)
    fixed: dict[Any, Any] = {
        str: path,
        int: seed.time_mid,
        bool: True,
        float: 36.5,
        bytes: seed.bytes,
        UUID: seed,
        datetime: noon,
        date: noon.date(),
        time: noon.time(),
    }
    return fixed[core]
