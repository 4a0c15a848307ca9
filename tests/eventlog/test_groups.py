"""Group commit alone: who goes with whom, and what a failure does to whom."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event as Flag
from time import monotonic, sleep

import pytest

from eventlog.groups import MOST, Groups
from eventlog.port import Unavailable

Outcome = str | Exception


@dataclass(frozen=True)
class Job:
    name: str
    size: int = 1
    needs: frozenset[object] = frozenset()
    moves: frozenset[object] = frozenset()


class Desk:
    """The first group waits until it is let through, so that others gather behind it."""

    def __init__(self, do: Callable[[Sequence[Job]], Sequence[Outcome]]) -> None:
        self.open, self.groups = Flag(), list[list[str]]()
        self._do = do
        self.queue = Groups[Job, str](self._serve)
        self.threads = ThreadPoolExecutor(16)

    def _serve(self, group: Sequence[Job]) -> Sequence[Outcome]:
        self.groups.append([job.name for job in group])
        self.open.wait(5)
        return self._do(group)

    def submit(self, *jobs: Job) -> list[Future[str]]:
        """In this order."""
        futures = []
        for job in jobs:
            before = self._come()
            futures.append(self.threads.submit(self.queue.submit, job))
            until = monotonic() + 5
            while self._come() == before and monotonic() < until:
                sleep(0.001)
        return futures

    def _come(self) -> int:
        return len(self.queue._waiting) + sum(map(len, self.groups))


def done(group: Sequence[Job]) -> list[Outcome]:
    return [f"did {job.name}" for job in group]


@pytest.fixture
def desks() -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def a_desk(do: Callable[[Sequence[Job]], Sequence[Outcome]] = done) -> Desk:
        made.append(Desk(do))
        return made[-1]

    yield a_desk
    for desk in made:
        desk.open.set()
        desk.threads.shutdown()


Desks = Callable[..., Desk]


def test_who_comes_meanwhile_goes_together_and_each_gets_its_own(desks: Desks) -> None:
    desk = desks()
    futures = desk.submit(*map(Job, "abcd"))
    desk.open.set()
    assert [f.result(5) for f in futures] == ["did a", "did b", "did c", "did d"]
    assert desk.groups == [["a"], ["b", "c", "d"]]


def test_nothing_goes_with_what_moves_what_it_needs(desks: Desks) -> None:
    desk, stream = desks(), frozenset({"stream"})
    moving = Job("moves", moves=stream, needs=stream)
    jobs = [Job("a"), moving, Job("apart"), Job("looks", needs=stream), Job("b")]
    futures = desk.submit(*jobs)
    desk.open.set()
    for future in futures:
        future.result(5)
    assert desk.groups == [["a"], ["moves", "apart"], ["looks", "b"]]


def test_two_that_only_look_go_together(desks: Desks) -> None:
    desk, stream = desks(), frozenset({"stream"})
    futures = desk.submit(Job("a"), Job("b", needs=stream), Job("c", needs=stream))
    desk.open.set()
    assert [f.result(5) for f in futures] == ["did a", "did b", "did c"]
    assert desk.groups == [["a"], ["b", "c"]]


def test_a_group_stays_small_enough_for_the_others_lock_timeout(desks: Desks) -> None:
    desk = desks()
    futures = desk.submit(Job("a"), Job("b", size=MOST), Job("c"))
    desk.open.set()
    for future in futures:
        future.result(5)
    assert desk.groups == [["a"], ["b"], ["c"]]


def test_one_failure_is_its_own(desks: Desks) -> None:
    def refusing(group: Sequence[Job]) -> list[Outcome]:
        return [ValueError(j.name) if j.name == "c" else f"did {j.name}" for j in group]

    desk = desks(refusing)
    a, b, c, d = desk.submit(*map(Job, "abcd"))
    desk.open.set()
    assert [f.result(5) for f in (a, b, d)] == ["did a", "did b", "did d"]
    assert isinstance(c.exception(5), ValueError)


def test_e8_what_is_unavailable_is_so_for_all_who_wait_and_then_forgotten(desks: Desks) -> None:
    failing = [True]

    def stuck(group: Sequence[Job]) -> list[Outcome]:
        if failing.pop() if failing else False:
            raise Unavailable("stuck")
        return done(group)

    desk = desks(stuck)
    futures = desk.submit(*map(Job, "abc"))
    desk.open.set()
    failures = [f.exception(5) for f in futures]
    assert [type(failure) for failure in failures] == [Unavailable] * 3
    assert len(set(map(id, failures))) == 3
    assert desk.queue.submit(Job("later")) == "did later"


def test_a_leader_that_is_interrupted_leaves_nobody_waiting(desks: Desks) -> None:
    interrupted = [True]

    def interrupt(group: Sequence[Job]) -> list[Outcome]:
        if interrupted.pop() if interrupted else False:
            raise KeyboardInterrupt
        return done(group)

    desk = desks(interrupt)
    a, b = desk.submit(*map(Job, "ab"))
    desk.open.set()
    assert isinstance(a.exception(5), KeyboardInterrupt)
    assert b.result(5) == "did b"
