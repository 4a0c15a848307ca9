"""Who may be killed, and how long it takes until all works from end to end again."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.running.clients import Client, an_id
from tests.running.installation import MODELS, Installation, until

Victim = Callable[[Installation], int]


def worker(running: Installation) -> int:
    return running.workers()[0]


def child(name: str) -> Victim:
    return lambda running: running.children()[name].pid


VICTIMS: Mapping[str, Victim] = {
    "web worker": worker,
    "web master": child("web"),
    "projector": child("projector"),
    "adapters": child("adapters"),
    "reactions": child("reactions"),
    "postgres": child("postgres"),
}


@dataclass
class Canary:
    """A resident whose card is exchanged: through when every phone holds just the new one, and a
    read shows it. That takes every process there is (O2)."""

    running: Installation
    client: Client
    number: int = 0

    def __post_init__(self) -> None:
        flat = an_id("flat", "canary")
        contact = {"first_name": "Canary", "last_name": "Bird"}
        home = {"apartment": flat, "building": an_id("tower"), "number": "199"}
        self.client.must("create-apartment", **home)
        self.who = {"resident": an_id("canary")}
        self.client.must("add-resident", **self.who, apartment=flat, contact=contact)

    def sing(self) -> None:
        self.number += 1
        old, new = (f"CA{n:06X}" for n in (self.number - 1, self.number))
        self.client.must("revoke-card", **self.who, card=old)
        position = self.client.must("issue-card", **self.who, card=new)
        until(lambda: self._is_seen(position))
        until(lambda: all(self._is_held(n, new) for n in range(len(MODELS))))

    def _is_seen(self, position: int) -> bool:
        answer = self.client.look(f"residents/{self.who['resident']}", position)
        return bool(answer and answer.is_success and "X-Stale" not in answer.headers)

    def _is_held(self, n: int, card: str) -> bool:
        if not self.running.phones.answers(n):
            return False
        rows = self.running.phones.state(n)["users"]
        key = self.who["resident"].replace("-", "")
        return [row["CardCode"] for row in rows if row["UserID"].startswith(key)] == [card]


def timed(*acts: Callable[[], object]) -> list[float]:
    """Seconds from the beginning to the end of each."""
    began, ends = time.monotonic(), list[float]()
    for act in acts:
        act()
        ends.append(round(time.monotonic() - began, 1))
    return ends
