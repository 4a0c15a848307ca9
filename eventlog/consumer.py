"""Whoever follows a log: read models, adapters and reactions alike."""

from collections.abc import Callable, Sequence
from itertools import groupby
from threading import Event as Flag
from typing import Any, ClassVar, Protocol, TypeVar

from domain.record import frozen
from eventlog.port import MAX_BATCH, Recorded, Unavailable

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


class Readable(Protocol):
    """A log of events or of reports."""

    def read(
        self, *, after: int, limit: int = MAX_BATCH, wait: float = 0
    ) -> Sequence[Recorded[Any]]: ...


@frozen
class Stopped:
    """A consumer that cannot take what follows its position. The error is a name, no message:
    that could quote what is personal.
    """

    consumer: str
    position: int
    error: str
    partition: int | None = None


def follow(
    log: Readable,
    consumer: Consumer,
    stop: Flag,
    alarm: Callable[[Stopped], None],
    idle: float = 1.0,
) -> None:
    """Until told to stop, or until it cannot go on: then it raises the alarm, and skips nothing
    (E10). A log that cannot be reached is tried again after `idle` seconds.
    """
    while not stop.is_set():
        try:
            batch = log.read(after=consumer.position, wait=idle)
            if batch:
                take(consumer, batch)
        except Unavailable:
            stop.wait(idle)
        except Exception as failure:  # whatever it is, somebody must hear of it
            name, error = type(consumer).__name__, type(failure).__name__
            alarm(Stopped(consumer=name, position=consumer.position, error=error))
            return


def take(consumer: Applies, batch: Sequence[Recorded[Any]]) -> None:
    """What fails as a batch is taken one by one, so that all before the culprit is done."""
    try:
        consumer.apply(batch)
    except Unavailable:
        raise
    except Exception:
        for record in batch:
            consumer.apply([record])
