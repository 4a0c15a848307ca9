"""The checker finds what is wrong in histories made by hand, and nothing in a good one (K0)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from tests.running.history import CHECKS, History, Line, Stored, What, counts, differences

US, OTHERS = "clients", "device adapter"
A, B, C, D, E, F, G, H = (UUID(int=n) for n in range(1, 9))
PIN, CARDS, PHONE, ANN = (UUID(int=n) for n in range(11, 15))


def told(
    at: float, what: What, command: UUID, position: int = 0, events: int = 0, said: str = ""
) -> Line:
    return Line(at=at, what=what, command_id=command, position=position, events=events, said=said)


def renamed(at: float, what: What, command: UUID, name: str, position: int = 0) -> Line:
    """The command of somebody who is to have another name."""
    line = told(at, what, command, position, 1 if position else 0)
    return replace(line, of="ann", value=name) if what == "invoke" else line


def name_read(at: float, position: int, name: str) -> Line:
    return replace(read(at, position, position), of="ann", value=name)


def read(at: float, asked: int, position: int, *, stale: bool = False) -> Line:
    return Line(
        at=at, what="read", command_id=UUID(int=0), asked=asked, position=position, stale=stale
    )


def stored(position: int, stream: UUID, version: int, command: UUID, actor: str = US) -> Stored:
    return Stored(
        position=position, stream=stream, version=version, command_id=command, actor=actor
    )


# A made two events, B was refused, C was lost on its way and then repeated, D was already so and
# is asked twice; nobody knows what became of E. A phone reported in between.
LINES = (
    told(1, "invoke", A),
    told(2, "ok", A, 2, 2),
    read(3, 2, 2),
    told(3, "invoke", B),
    told(4, "fail", B, said="pin-taken"),
    told(5, "invoke", C),
    told(6, "unknown", C),
    told(7, "invoke", C),
    told(8, "ok", C, 4, 1),
    told(9, "invoke", D),
    told(10, "ok", D, 4, 0),
    told(11, "invoke", D),
    told(12, "ok", D, 4, 0),
    read(13, 4, 2, stale=True),
    told(14, "invoke", E),
    told(15, "unknown", E),
)
LOG = (
    stored(1, PIN, 1, A),
    stored(2, CARDS, 1, A),
    stored(3, PHONE, 1, UUID(int=99), OTHERS),
    stored(4, PIN, 2, C),
)


# F and G gave Ann another name, H was refused; somebody read it before, between and after.
NAMES = (
    name_read(20, 4, "Ann"),
    renamed(21, "invoke", F, "Archer"),
    renamed(22, "ok", F, "Archer", 5),
    renamed(23, "invoke", H, "Hill"),
    renamed(24, "fail", H, "Hill"),
    name_read(25, 5, "Archer"),
    renamed(26, "invoke", G, "Green"),
    name_read(27, 5, "Green"),
    renamed(28, "ok", G, "Green", 6),
    name_read(29, 6, "Green"),
)
ALL = (*LINES, *NAMES)
NAMED = (*LOG, stored(5, ANN, 1, F), stored(6, ANN, 2, G))


def without(lines: Sequence[Line], *indices: int) -> list[Line]:
    return [line for n, line in enumerate(lines) if n not in indices]


BAD: dict[str, tuple[str, Sequence[Line], Sequence[Stored]]] = {
    "an acknowledged command is not there": ("lost", LINES, LOG[:3]),
    "it is there in part": (
        "lost",
        LINES,
        [LOG[0], *(stored(e.position - 1, e.stream, e.version, e.command_id, e.actor)
                   for e in LOG[2:])],
    ),
    "it is elsewhere than was said": (
        "lost", [*without(LINES, 1), told(2, "ok", A, 3, 2)], LOG),
    "already so, and yet it made an event": ("lost", LINES, [*LOG, stored(5, CARDS, 2, D)]),
    "a refused command is there": ("ghost", LINES, [*LOG, stored(5, CARDS, 2, B)]),
    "a repeat is answered otherwise": (
        "contradiction",
        [*without(LINES, 12), told(12, "ok", D, 5, 0)],
        [*LOG, stored(5, PHONE, 2, UUID(int=98), OTHERS)],
    ),
    "what was accepted is then refused": (
        "contradiction", [*LINES, told(16, "invoke", C), told(17, "fail", C)], LOG),
    "an answer without a question": ("nonsense", without(LINES, 0), LOG),
    "a position is missing": (
        "gap", LINES, [*LOG, stored(6, CARDS, 2, UUID(int=98), OTHERS)]),
    "a position is there twice": (
        "gap", LINES, [*LOG, stored(4, CARDS, 2, UUID(int=98), OTHERS)]),
    "a version is missing": ("gap", LINES, [*LOG, stored(5, CARDS, 3, E)]),
    "a version is there twice": ("gap", LINES, [*LOG, stored(5, CARDS, 1, E)]),
    "a command was done twice": ("double", without(LINES, 1), [*LOG, stored(5, CARDS, 2, A)]),
    "an event that nobody asked for": (
        "invented", LINES, [*LOG, stored(5, CARDS, 2, UUID(int=97))]),
    "a later command stands before an earlier one": (
        "disorder", [told(0.1, "invoke", C), told(0.2, "ok", C, 4, 1), *without(LINES, 5, 6, 7, 8)],
        LOG),
    "already so, of a past that was over": (
        "disorder", [*without(LINES, 10, 12), told(10, "ok", D, 3, 0)], LOG),
    "an old answer as if it were fresh": ("old read", [*LINES, read(16, 4, 3)], LOG),
    "what was refused is read": ("false read", [*ALL, name_read(30, 6, "Hill")], NAMED),
    "what was replaced is read": ("false read", [*ALL, name_read(30, 6, "Archer")], NAMED),
    "what nobody wrote is read": ("false read", [*ALL, name_read(30, 6, "Ann")], NAMED),
    "an answer from the future": ("future", [*LINES, read(16, 4, 5)], LOG),
}  # fmt: skip


def test_k0_a_good_history_is_good() -> None:
    assert differences(LINES, LOG, US) == []
    assert differences(LINES, [*LOG, stored(5, CARDS, 2, E)], US) == []  # unknown is either
    assert differences(ALL, NAMED, US) == []


@pytest.mark.parametrize("case", BAD)
def test_k0_a_bad_history_is_found(case: str) -> None:
    kind, lines, log = BAD[case]
    assert kind in {found.partition(":")[0] for found in differences(lines, log, US)}


def test_k0_every_check_has_a_history_that_only_it_finds() -> None:
    """None could be left out."""
    every = (differences(lines, log, US) for _, lines, log in BAD.values())
    found = [{line.partition(":")[0] for line in lines} for lines in every]
    alone = {kind for kinds in found if len(kinds) == 1 for kind in kinds}
    assert len(alone) == len(CHECKS)


def test_k0_a_history_outlives_its_writer(tmp_path: Path) -> None:
    with History(tmp_path / "history.jsonl") as history:
        for line in LINES:
            history.write(line)
        assert history.lines() == list(LINES)
    with History(history.path) as again:
        assert again.lines() == list(LINES)
    assert counts(LINES) == {"commands": 5, "ok": 3, "fail": 1, "unknown": 1}
