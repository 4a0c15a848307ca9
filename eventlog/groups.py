"""Group commit: of the threads that bring work at once, one does it for all."""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, Protocol, TypeVar

from eventlog.port import Unavailable


class Work(Protocol):
    """What goes into a group. Nothing that an earlier one `moves` may be among its `needs`."""

    @property
    def size(self) -> int: ...
    @property
    def needs(self) -> frozenset[object]: ...
    @property
    def moves(self) -> frozenset[object]: ...


W = TypeVar("W", bound=Work)
R = TypeVar("R")
MOST = 2_000


class Turn(Generic[W, R]):
    """A thread's place: released when the work is done, or when it is its turn to lead."""

    __slots__ = ("ended", "outcome", "work")

    def __init__(self, work: W) -> None:
        self.work = work
        self.outcome: R | Exception | None = None
        self.ended = Lock()
        self.ended.acquire()


class Groups(Generic[W, R]):
    """`do` takes a group and gives an outcome for each, in order; it may raise Unavailable, which
    goes to the whole group and to all who wait behind it: they stood at the same door.
    """

    def __init__(self, do: Callable[[Sequence[W]], Sequence[R | Exception]]) -> None:
        self._do = do
        self._lock = Lock()
        self._waiting = deque[Turn[W, R]]()
        self._led = False

    def submit(self, work: W) -> R:
        turn = Turn[W, R](work)
        with self._lock:
            self._waiting.append(turn)
            leads, self._led = not self._led, True
        if not leads:
            turn.ended.acquire()
        if turn.outcome is None:
            self._lead()
        if isinstance(turn.outcome, Exception):
            raise turn.outcome
        assert turn.outcome is not None
        return turn.outcome

    def _lead(self) -> None:
        """The first who waits is the caller."""
        group = self._gather()
        outcomes: Sequence[R | Exception] = []
        try:
            outcomes = self._do([turn.work for turn in group])
        except Unavailable as failure:
            group += self._gather_all()
            outcomes = [Unavailable(*failure.args) for _ in group]
        finally:
            self._settle(group, outcomes or [Unavailable("interrupted") for _ in group])

    def _gather(self) -> list[Turn[W, R]]:
        group: list[Turn[W, R]] = []
        size, moved = 0, set[object]()
        with self._lock:
            while self._waiting and (not group or self._fits(size, moved)):
                turn = self._waiting.popleft()
                group.append(turn)
                size += turn.work.size
                if self._waiting:
                    moved |= turn.work.moves
        return group

    def _fits(self, size: int, moved: set[object]) -> bool:
        work = self._waiting[0].work
        return size + work.size <= MOST and moved.isdisjoint(work.needs)

    def _gather_all(self) -> list[Turn[W, R]]:
        with self._lock:
            left = list(self._waiting)
            self._waiting.clear()
        return left

    def _settle(self, group: Sequence[Turn[W, R]], outcomes: Sequence[R | Exception]) -> None:
        with self._lock:
            heir = self._waiting[0] if self._waiting else None
            self._led = heir is not None
        if heir:
            heir.ended.release()
        for turn, outcome in zip(group, outcomes, strict=True):
            turn.outcome = outcome
            turn.ended.release()
