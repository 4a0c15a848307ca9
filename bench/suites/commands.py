"""A command over HTTP: issue-pin and revoke-pin of random residents, at 1 and 16 clients.

Peer and limit of this stack in one: a bare Flask route on the same gunicorn settings and the same
PostgreSQL that does one INSERT with its own commit. `python -m bench commands`.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, repeat
from random import Random
from uuid import UUID

from bench.community import Community, chunks
from bench.lib import Goal
from bench.load import Answer, Load, Wrong, ceiling, drive, expect, request
from bench.peers import CONNINFO, TABLE
from bench.results import QUICK, alternating, tell
from bench.running import Gatehouse, a_gatehouse, peer

CLIENTS = (1, 16)
WARM = 0.5
PINS = map(str, count(10_000_000))
GOALS = [
    Goal("ours, 1 client", "INSERT, 1 client", 0.2),
    Goal("ours, 16 clients", "INSERT, 16 clients", 0.2),
]


def main(rounds: int = 5) -> None:
    quick = rounds <= QUICK
    people, seconds = (160, 0.7) if quick else (1600, 2.0)
    with a_gatehouse() as house:
        town = Community.make(house, people)
        pins = Pins(town, town.residents())
        with house.database() as db:
            db.execute(TABLE)
            db.execute("truncate bench_raw")
        with peer(house, "bench.peers:raw_insert()", **{CONNINFO: conninfo(house)}) as port:
            arms = {}
            for n in CLIENTS:
                name = f"{n} client{'s' if n > 1 else ''}"
                arms[f"ours, {name}"] = lambda n=n: pins.run(n, seconds)
                arms[f"INSERT, {name}"] = lambda n=n: inserts(port, n, seconds)
            taken = alternating(arms, rounds)
        most = ceiling()
    tell("commands", taken, GOALS, {"generator's ceiling per second": most.rate})


def conninfo(house: Gatehouse) -> str:
    server = house.config().embedded
    assert server
    return server.conninfo()


class Pins:
    """Each client has residents of its own, so that each command makes an event."""

    def __init__(self, town: Community, residents: Sequence[UUID]) -> None:
        self.town = town
        Random(1).shuffle(order := list(residents))
        self.parts = [self.forever(part) for part in chunks(order, max(CLIENTS))]

    def forever(self, residents: Sequence[UUID]) -> Iterator[bytes]:
        """They came with a PIN."""
        while True:
            for who in residents:
                yield self.town.command("revoke-pin", resident=str(who))
            for who in residents:
                yield self.town.command("issue-pin", resident=str(who), pin=next(PINS))

    def run(self, clients: int, seconds: float) -> Load:
        """With the read models level, before."""
        self.town.house.settled()
        parts = self.parts[:clients]
        drive(self.town.house.port, parts, seconds=WARM, check=made_one)
        return drive(self.town.house.port, parts, seconds=seconds, check=made_one)


def made_one(answer: Answer) -> None:
    if answer.status != 202 or b'"events":1' not in answer.body.replace(b" ", b""):
        raise Wrong(f"{answer.status}: {answer.body[:200]!r}")


def inserts(port: int, clients: int, seconds: float) -> Load:
    asks: Iterable[bytes] = repeat(request("POST", "/", b"x" * 300))
    parts = [asks] * clients
    drive(port, parts, seconds=WARM, check=expect(202))
    return drive(port, parts, seconds=seconds, check=expect(202))


if __name__ == "__main__":
    main()
