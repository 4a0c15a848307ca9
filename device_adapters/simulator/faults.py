"""What can be made to go wrong while a phone runs (S19-S21)."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple, TypeVar

from device_adapters.simulator.tables import Item

Value = bool | int | float | str
T = TypeVar("T", bound=Item)


class Standing(NamedTuple):
    """A fault that lasts: its parameter, the value if none is given, and what it does."""

    parameter: str
    default: Value
    what: str


STANDING: Mapping[str, Standing] = {
    "offline": Standing("on", True, "resets every connection before a byte is answered"),
    "hang": Standing("on", True, "accepts, reads, never answers"),
    "latency": Standing("ms", 500.0, "answers that much later"),
    "half_close": Standing("on", True, "half an answer, then the end"),
    "lost_ack": Standing("on", True, "does what it is told, and closes without an answer"),
    "error_rate": Standing("rate", 0.5, "that share of requests gets HTTP 500"),
    "accept_and_drop": Standing(
        "rate", 1.0, "that share of writes is answered well, and forgotten"
    ),
    "partial_batch": Standing("keep", 0.5, "stores only the first part of a batch, and says well"),
    "stale_reads": Standing("seconds", 5.0, "lists are answered as they were so long ago"),
    "no_face": Standing("on", True, "finds no face in any photo that it is sent"),
    "capacity": Standing("users", 10, "its storage is full at so many"),
    "freeze_above": Standing("items", 1000, "a longer batch freezes it until faults are cleared"),
    "wrong_clock": Standing("seconds", 3600.0, "its clock is fast, or slow if negative"),
    "wrong_content_type": Standing("type", "text/html", "of every answer"),
    "garbage": Standing("kind", "html", "answers html, truncated, nested, nan or empty"),
    "giant_body": Standing("bytes", 100_000_000, "answers so much"),
    "redirect": Standing("to", "http://127.0.0.1:9/", "sends everybody elsewhere"),
    "other_mac": Standing("mac", "0C1105FFFFFF", "another box answers at this address"),
    "ms_per_user": Standing("ms", 132.0, "a user takes so long to store (132 is a real one's)"),
    "pause": Standing("seconds", 0.25, "rests so long after each answer (0.25 is a real one's)"),
}
# [SY] 10,000 users in 22 minutes; [PL] a quarter of a second between calls.
REAL_PACE: Mapping[str, Value] = {"ms_per_user": 132.0, "pause": 0.25}

GARBAGE: Mapping[str, str] = {
    "html": "<html><body>It works!</body></html>",
    "truncated": '{"retcode": 0, "action": "get", "data": {"num": 3, "item": [{"ID": "1", "Na',
    "nested": "[" * 10_000 + "]" * 10_000,
    "nan": '{"retcode": NaN, "action": "get", "message": "OK", "data": {"num": Infinity}}',
    "empty": "",
}


class UnknownFault(Exception):
    """There is no such fault, or not with that parameter; the text says what there is."""


class Faults:
    """Those that are on, by name. `standing` outlive a clearing (the pace of a slow model)."""

    def __init__(self, seed: int, **standing: Value) -> None:
        self.standing = {name: value for name, value in standing.items() if value}
        self.on: dict[str, Value] = dict(self.standing)
        self.frozen = False
        self.random = Random(seed)  # noqa: S311 - repeatable chance, no secret

    def set(self, name: str, given: Mapping[str, object]) -> None:
        """`on=False` ends it."""
        if given.get("on") is False:
            self.on.pop(name, None)
            return
        if name not in STANDING:
            raise UnknownFault(f"no fault {name!r}; there are {', '.join(sorted(STANDING))}")
        parameter, default, _ = STANDING[name]
        if unknown := given.keys() - {parameter, "on"}:
            raise UnknownFault(f"{name} takes {parameter}, not {', '.join(sorted(unknown))}")
        self.on[name] = fitting(name, given.get(parameter, default), default)

    def clear(self) -> None:
        self.on, self.frozen = dict(self.standing), False

    def is_on(self, name: str) -> bool:
        return name in self.on

    def number(self, name: str) -> float:
        return float(self.on.get(name, 0))

    def text(self, name: str) -> str:
        return str(self.on.get(name, ""))

    def strikes(self, name: str) -> bool:
        """Whether chance wants it this time."""
        return self.is_on(name) and self.random.random() < self.number(name)

    def left_of(self, batch: Sequence[T]) -> Sequence[T]:
        """What of a batch is really stored: its first part."""
        keep = self.number("partial_batch")
        return batch[: int(len(batch) * keep)] if self.is_on("partial_batch") else batch

    def freezes(self, items: int) -> bool:
        if self.is_on("freeze_above") and items > self.number("freeze_above"):
            self.frozen = True
        return self.frozen or self.is_on("hang")


def fitting(name: str, value: object, default: Value) -> Value:
    """A value of the kind that the fault takes."""
    if isinstance(default, str) and isinstance(value, str):
        return value
    if not isinstance(default, str) and isinstance(value, int | float):
        return value
    raise UnknownFault(f"{name} takes a value like {default!r}")
