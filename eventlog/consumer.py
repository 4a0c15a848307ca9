"""Whoever follows a log: read models, adapters and reactions alike."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, ClassVar, TypeVar

from eventlog.port import Recorded

M = TypeVar("M", bound=Callable[..., None])
Handler = Callable[[Any, Sequence[Any]], None]


def on(*kinds: type) -> Callable[[M], M]:
    """The method takes these events, a run of one kind at a time."""

    def mark(method: M) -> M:
        method.__dict__["kinds"] = kinds
        return method

    return mark


class Consumer:
    """Takes the log in batches; what a batch does and the position move together."""

    handlers: ClassVar[dict[type, Handler]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {kind: m for m in vars(cls).values() for kind in getattr(m, "kinds", ())}
        cls.handlers = cls.handlers | own

    def __init__(self) -> None:
        self.position = 0

    def apply(self, batch: Sequence[Recorded[Any]]) -> None:
        """A run of one kind is one call, so that the log's order is kept."""
        for kind, run in groupby(batch, key=lambda record: type(record.event)):
            if handler := self.handlers.get(kind):
                handler(self, list(run))
        self.settle(batch)
        self.position = batch[-1].position

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        """After the handlers, before the position moves."""
