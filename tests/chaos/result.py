"""What a test of `make chaos` found, and the table of all."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from rich.console import Console
from rich.table import Table

LOST = ("lost",)
DOUBLE = ("double", "contradiction")
SHOWN_WRONGS = 5


@dataclass
class Result:
    """`heals`: seconds from the end of the trouble until all was right again. `unanswered`: what
    clients heard that tells nothing, so that they asked again. `wrong`: what must not be, a line
    each; `skipped` says why it did not run."""

    kills: int = 0
    commands: int = 0
    heals: list[float] = field(default_factory=list)
    unanswered: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    note: str = ""
    skipped: str = ""

    @property
    def passed(self) -> bool:
        return not self.wrong and not self.skipped

    def count(self, kinds: Sequence[str]) -> int:
        return sum(line.partition(":")[0] in kinds for line in self.wrong)

    def healed(self) -> str:
        if not self.heals:
            return "-"
        return f"{median(self.heals):.1f} / {max(self.heals):.1f}"

    def said(self) -> str:
        again = ", ".join(f"{n} {what}" for what, n in self.unanswered.most_common(3))
        return "; ".join(
            part for part in (self.skipped, self.note, f"unanswered: {again}" * bool(again)) if part
        )

    def verdict(self) -> str:
        return "skipped" if self.skipped else "passed" if self.passed else "FAILED"


Test = Callable[[float, int], Result]


def table(results: Mapping[str, Result]) -> Table:
    columns = ("test", "kills", "lost", "duplicates", "heal s (p50 / max)", "commands", "result")
    shown = Table(*columns, "", title="make chaos")
    for name, result in results.items():
        shown.add_row(
            name,
            str(result.kills),
            str(result.count(LOST)),
            str(result.count(DOUBLE)),
            result.healed(),
            str(result.commands or "-"),
            result.verdict(),
            result.said(),
        )
    return shown


def tell(results: Mapping[str, Result], show: Console) -> None:
    """The table, and then what was wrong."""
    show.print(table(results))
    for name, result in results.items():
        for line in result.wrong[:SHOWN_WRONGS]:
            show.print(f"{name}: {line}")
        if (more := len(result.wrong) - SHOWN_WRONGS) > 0:
            show.print(f"{name}: … and {more} more")
