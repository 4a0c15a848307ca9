"""Whoever follows a log: read models, adapters and reactions alike."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, ClassVar, Protocol, TypeVar

from domain.record import frozen
from eventlog.port import Recorded, Unavailable

M = TypeVar("M", bound=Callable[..., None])
Handler = Callable[[Any, Sequence[Any]], None]


def on(*kinds: type) -> Callable[[M], M]:
    """The method takes these events, a run of one kind at a time."""

    def mark(method: M) -> M:
        method.__dict__["kinds"] = kinds
        return method

    return mark


class Applies(Protocol):
    def apply(self, batch: Sequence[Recorded[Any]]) -> None: ...


class Consumer:
    """Takes the log in batches; what a batch does and the position move together."""

    handlers: ClassVar[dict[type, Handler]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = [(kind, m) for m in vars(cls).values() for kind in getattr(m, "kinds", ())]
        if len(dict(own)) < len(own):
            raise TypeError(f"two methods of {cls.__name__} take the same kind")
        cls.handlers = cls.handlers | dict(own)

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


@frozen
class Stopped:
    """A consumer that cannot take what follows its position. The error is a name, no message:
    that could quote what is personal.
    """

    consumer: str
    position: int
    error: str
    partition: int | None = None


def take(consumer: Applies, batch: Sequence[Recorded[Any]]) -> None:
    """What fails as a batch is taken one by one, so that all before the culprit is done."""
    try:
        consumer.apply(batch)
    except Unavailable:
        raise
    except Exception:
        for record in batch:
            consumer.apply([record])
