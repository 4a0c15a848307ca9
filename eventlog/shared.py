"""One log for several readers of a process: what one of them has just read, the others get, too.

Reading unseals and decodes, which is most of what a read model costs.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Condition
from time import monotonic
from typing import Any, Protocol

from eventlog.port import MAX_BATCH, Recorded

Records = Sequence[Recorded[Any]]


class Log(Protocol):
    def head(self) -> int: ...

    def read(self, *, after: int, limit: int = MAX_BATCH, wait: float = 0) -> Records: ...


class SharedLog:
    """Keeps the last few `batches`, for `seconds`: what is forgotten must not live on here."""

    def __init__(
        self,
        log: Log,
        *,
        batches: int = 4,
        seconds: float = 5.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._log, self._batches, self._seconds, self._clock = log, batches, seconds, clock
        self._kept: OrderedDict[int, tuple[float, Records]] = OrderedDict()
        self._asked: set[int] = set()
        self._answered = Condition()

    def head(self) -> int:
        return self._log.head()

    def read(self, *, after: int, limit: int = MAX_BATCH, wait: float = 0) -> Records:
        """Whoever may wait, waits with the one who asks for the same already."""
        with self._answered:
            if wait and after in self._asked:
                self._answered.wait_for(lambda: after not in self._asked, wait)
                return self._known(after)[:limit]
            if known := self._known(after):
                return known[:limit]
            self._asked.add(after)
        batch: Records = ()
        try:
            batch = self._log.read(after=after, limit=limit, wait=wait)
        finally:
            with self._answered:
                self._keep(after, batch)
        return batch

    def _known(self, after: int) -> Records:
        now = self._clock()
        for old in [place for place, (until, _) in self._kept.items() if until < now]:
            del self._kept[old]
        return self._kept[after][1] if after in self._kept else ()

    def _keep(self, after: int, batch: Records) -> None:
        self._asked.discard(after)
        if batch:
            self._kept.pop(after, None)
            self._kept[after] = self._clock() + self._seconds, batch
        while len(self._kept) > self._batches:
            self._kept.popitem(last=False)
        self._answered.notify_all()
