import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal
from uuid import UUID

from domain.record import Secret, frozen
from eventlog.postgres.fingerprints import canonical


@frozen
class Part:
    n: int


@frozen
class Ask:
    """Something of every kind that a command may hold."""

    text: Secret[str] = "a"
    id: UUID = UUID(int=1)
    at: datetime = datetime(2026, 3, 2, tzinfo=UTC)
    hour: time = time(8, 30)
    price: Decimal = Decimal("1.50")
    raw: bytes = b"\0x"
    names: frozenset[str] = frozenset({"x", "y", "z", "zz"})
    parts: tuple[Part, ...] = (Part(n=1), Part(n=2))
    labels: tuple[tuple[str, str], ...] = (("a", "b"),)
    maybe: int | None = None


@frozen
class Other(Ask):
    pass


def test_n17_equal_commands_have_one_text_and_others_have_others() -> None:
    asked = Ask()
    assert canonical(asked) == canonical(Ask())
    others = [
        replace(asked, text="b"),
        replace(asked, id=UUID(int=2)),
        replace(asked, at=datetime(2026, 3, 3, tzinfo=UTC)),
        replace(asked, hour=time(8, 31)),
        replace(asked, price=Decimal("1.51")),
        replace(asked, raw=b"\0y"),
        replace(asked, names=frozenset({"x"})),
        replace(asked, parts=(Part(n=2), Part(n=1))),
        replace(asked, labels=(("a,b", ""),)),
        replace(asked, maybe=0),
        Other(),
    ]
    assert len({canonical(other) for other in [asked, *others]}) == 12


def test_n17_another_process_writes_the_same_text() -> None:
    """Sets have another order there."""
    show = "from tests.eventlog.test_fingerprints import *; print(canonical(Ask()))"
    told = {
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", show],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert told == {canonical(Ask())}
