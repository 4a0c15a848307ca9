"""The whole system as a user starts it, with clients at work, to be hurt for a while."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from eventlog.chain import links, verify
from tests.chaos.result import Result
from tests.running.canary import Canary
from tests.running.clients import Client, a_client, busy_clients, settle
from tests.running.history import History, counts
from tests.running.installation import Installation, an_installation
from tests.running.ledger import Ledger
from tests.running.verdict import converge, missaid, unborne

CLIENTS, SEEDS = 4, 1000  # seeds of a spell of work, none of which comes twice


@dataclass
class Arena:
    running: Installation
    history: History
    ledger: Ledger
    client: Client
    spells: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.canary = Canary(self.running, self.client)
        self.canary.sing()

    @contextmanager
    def at_work(self, result: Result) -> Iterator[None]:
        """Clients change rights until the block ends; afterwards the verdict (K0)."""
        before = self.history.lines()
        self.client.offences.clear()
        with busy_clients(self.running, self.history, CLIENTS, next(self.spells) * SEEDS) as busy:
            yield
        since = self.history.lines()[len(before) :]
        result.commands = counts(since)["commands"]
        result.unanswered = Counter(line.said for line in since if line.what == "unknown")
        result.wrong += [line for one in (self.client, *busy) for line in one.offences]
        result.wrong += self.verdict()

    def verdict(self) -> list[str]:
        wrong = converge(self.running, self.ledger) + missaid(self.client, self.ledger)
        if counts(self.history.lines())["unknown"]:
            wrong.append("a client never learnt what became of its command")
        if not verify(links(self.running.config.database.read)):
            wrong.append("the chain of the log does not hold")
        return wrong + unborne(self.running, self.history)


@contextmanager
def an_arena(kind: type[Installation] = Installation) -> Iterator[Arena]:
    with (
        an_installation(kind) as running,
        History(running.folder / "history.jsonl") as history,
        a_client(running, history, seed=100) as client,
    ):
        settle(client, running)
        yield Arena(running, history, Ledger(running.house.log), client)
