"""What clients were told, kept outside the system, and what of it the log does not bear out (K0).

The checks are those of Jepsen's queue checker and of survive.md 4.1, over commands: aborted and
lost writes, positions, contiguity, repeats, and the order that the clients' own clock saw.
"""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Literal, Self
from uuid import UUID

What = Literal["invoke", "ok", "fail", "unknown", "read"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """`at` is the clients' monotonic clock. `position` and `events` are what an `ok` was told; of
    a `read`, `asked` is the position that it waited for and `position` the one it answered with.
    `value` is what was to be written, and what was read, `of` somebody; none is written twice.
    """

    at: float
    what: What
    command_id: UUID
    position: int = 0
    events: int = 0
    asked: int = 0
    stale: bool = False
    said: str = ""
    of: str = ""
    value: str = ""

    @classmethod
    def read(cls, text: str) -> Self:
        found = json.loads(text)
        return cls(**found | {"command_id": UUID(found["command_id"])})


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An event of the log."""

    position: int
    stream: UUID
    version: int
    command_id: UUID
    actor: str


class History:
    """A line is on disk before `write` returns: what a client knows outlives everybody."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file, self._lock = path.open("a"), Lock()

    def write(self, line: Line) -> None:
        with self._lock:
            self._file.write(json.dumps(asdict(line), default=str) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lines(self) -> list[Line]:
        return [Line.read(text) for text in self.path.read_text().splitlines()]


@dataclass
class Case:
    """Both sides: what was told, by command and in all, and what the log holds."""

    lines: Sequence[Line]
    log: Sequence[Stored]
    actor: str

    def __post_init__(self) -> None:
        self.told, self.made = (
            defaultdict[UUID, list[Line]](list),
            defaultdict[UUID, list[int]](list),
        )
        for line in self.lines:
            if line.what != "read":
                self.told[line.command_id].append(line)
        for event in self.log:
            self.made[event.command_id].append(event.position)

    def endings(self, what: What) -> Iterator[Line]:
        return (line for lines in self.told.values() for line in lines if line.what == what)


Check = Callable[[Case], Iterable[str]]


def differences(lines: Sequence[Line], log: Sequence[Stored], actor: str) -> list[str]:
    """A line for each thing that cannot be; `actor` is whose commands were all written down."""
    case = Case(lines, log, actor)
    return [found for check in CHECKS for found in check(case)]


def lost(case: Case) -> Iterator[str]:
    """K0 (1): every ok is there, as many events as it said, the last of them where it said."""
    for line in case.endings("ok"):
        there = case.made.get(line.command_id, [])
        if len(there) != line.events or (there and max(there) != line.position):
            said = f"{line.events} events up to {line.position}"
            yield f"lost: {line.command_id} was told {said}, the log has {there}"


def ghosts(case: Case) -> Iterator[str]:
    """K0 (2): nothing is there of what was refused."""
    for line in case.endings("fail"):
        if there := case.made.get(line.command_id):
            yield f"ghost: {line.command_id} was refused ({line.said}), the log has {there}"


def contradictions(case: Case) -> Iterator[str]:
    """K0 (3): whoever asks again hears the same."""
    for id, lines in case.told.items():
        answers = [line for line in lines if line.what in ("ok", "fail")]
        if len({(one.what, one.position, one.events) for one in answers}) > 1:
            yield f"contradiction: {id} was told different things"


def nonsense(case: Case) -> Iterator[str]:
    """A history that begins with an answer is no history."""
    for id, lines in case.told.items():
        if lines[0].what != "invoke":
            yield f"nonsense: {id} was answered before it was asked"


def gaps(case: Case) -> Iterator[str]:
    """K0 (4): positions from 1 on, versions of each stream from 1 on, none missing, none twice."""
    if [event.position for event in case.log] != list(range(1, len(case.log) + 1)):
        yield "gap: positions are not 1, 2, 3, …"
    streams = defaultdict[UUID, list[int]](list)
    for event in case.log:
        streams[event.stream].append(event.version)
    for stream, versions in streams.items():
        if versions != list(range(1, len(versions) + 1)):
            yield f"gap: versions of {stream} are {versions}"


def doubles(case: Case) -> Iterator[str]:
    """E4: what a command made stands together, for it was made once."""
    for id, positions in case.made.items():
        if any(after != before + 1 for before, after in pairwise(positions)):
            yield f"double: {id} made {positions}"


def inventions(case: Case) -> Iterator[str]:
    """Nobody else speaks in the clients' name."""
    known = case.told.keys()
    for id in {event.command_id for event in case.log if event.actor == case.actor} - known:
        yield f"invented: {id} was never asked for"


def disorder(case: Case) -> Iterator[str]:
    """What was asked after an answer comes after it in the log."""
    floors, head = dict[UUID, int](), 0
    for line in sorted(case.lines, key=lambda line: line.at):
        if line.what == "invoke":
            floors.setdefault(line.command_id, head)
        elif line.what == "ok":
            least = floors.get(line.command_id, 0) + bool(line.events)
            if line.position < least:
                yield f"disorder: {line.command_id} at {line.position}, not before {least}"
            head = max(head, line.position)


def old_reads(case: Case) -> Iterator[str]:
    """K0 (6): a read that waited shows what it waited for, or says that it does not."""
    for line in case.lines:
        if line.what == "read" and not line.stale and line.position < line.asked:
            yield f"old read: asked for {line.asked}, answered {line.position} as if fresh"


def false_reads(case: Case) -> Iterator[str]:
    """What is read was written, and was not over by then: nothing that was refused (an aborted
    read), nothing older than the position that the answer claims."""
    writes, asked = defaultdict[str, list[tuple[int, str]]](list), set[str]()
    for lines in case.told.values():
        if value := lines[0].value:
            asked.add(value)
            made = case.made.get(lines[0].command_id, [])
            writes[lines[0].of] += [(position, value) for position in made]
    for line in case.lines:
        if line.what == "read" and line.of:
            before = sorted(one for one in writes[line.of] if one[0] <= line.position)
            later = {value for position, value in writes[line.of] if position > line.position}
            current = {before[-1][1]} if before else {line.value} - asked
            if line.value not in current | later:
                yield f"false read: {line.value} of {line.of} at {line.position}"


def futures(case: Case) -> Iterator[str]:
    """Nobody was told of a position that there is not."""
    head = len(case.log)
    for line in case.lines:
        if line.position > head:
            yield f"future: {line.what} at {line.position}, the log ends at {head}"


CHECKS: Sequence[Check] = (
    lost,
    ghosts,
    contradictions,
    nonsense,
    gaps,
    doubles,
    inventions,
    disorder,
    old_reads,
    false_reads,
    futures,
)


def counts(lines: Sequence[Line]) -> Mapping[str, int]:
    """How many commands there were, and what was learnt of each in the end."""
    told = defaultdict[UUID, set[What]](set)
    for line in lines:
        if line.what != "read":
            told[line.command_id].add(line.what)
    ok, fail = (sum(end in said for said in told.values()) for end in ("ok", "fail"))
    return {"commands": len(told), "ok": ok, "fail": fail, "unknown": len(told) - ok - fail}
