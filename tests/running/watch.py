"""Somebody who compares, all the time, what the API shows as verified with what phones hold."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Thread
from time import monotonic
from typing import Any
from uuid import UUID

from tests.running.clients import Client, a_client
from tests.running.history import History
from tests.running.installation import MODELS, Installation
from tests.running.ledger import PHONES, Code, Credential, Ledger, held

NOTICED_SECONDS = 12  # a heartbeat is 4 s, and a restart takes the phone 3
BREATH_SECONDS = 0.25
Verified = Mapping[Credential, str]  # since when


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Taken in this order: the head of the log, what the API shows there or later, what the phone
    holds, the head again, what the API shows there or later.

    An adapter takes from a phone only what the log no longer wants. So what is wanted unchanged
    from one head to the other, and shown as verified at both by the same report, was on the phone
    when it was read, or was shown and not there.
    """

    phone: int
    before: Verified
    state: Mapping[str, Any]
    after: Verified
    wanted: Mapping[Credential, Code]
    unmoved: Collection[UUID]

    def judged(self) -> Mapping[Credential, str]:
        """What must be on the phone."""
        return {
            credential: since
            for credential, since in self.before.items()
            if self.after.get(credential) == since and credential[0] in self.unmoved
        }

    def unheld(self) -> list[str]:
        there = held(self.phone, self.state)
        return [
            f"phone {self.phone}: {who} {kind} is shown as verified since {since}"
            for (who, kind), since in self.judged().items()
            if (who, kind) not in self.wanted
            or not any(
                self.wanted[who, kind].is_on(row)
                for key, row in there.items()
                if key.startswith(who.hex)
            )
        ]


@dataclass
class Watch:
    """`lost` is when a phone was emptied behind everybody's back: it must be noticed, and until
    then nobody can know."""

    running: Installation
    client: Client
    ledger: Ledger
    samples: list[Sample] = field(default_factory=list)
    judged: int = 0
    found: list[str] = field(default_factory=list)
    lost: dict[int, float] = field(default_factory=dict)
    exposed: dict[int, float] = field(default_factory=dict)

    def look(self, stop: Flag) -> None:
        while not stop.wait(BREATH_SECONDS):
            for n in range(len(MODELS)):
                if sample := self.sample(n):
                    self.judge(sample)

    def sample(self, n: int) -> Sample | None:
        """None if the API did not get so far in time."""
        head = self.ledger.follow()
        before = verified(self.client, n, head)
        state = self.running.phones.state(n)
        later = self.ledger.follow()
        wanted, unmoved = self.ledger.codes(n), self.ledger.unmoved(head)
        after = verified(self.client, n, later)
        if before is None or after is None:
            return None
        return Sample(
            phone=n, before=before, state=state, after=after, wanted=wanted, unmoved=unmoved
        )

    def judge(self, sample: Sample) -> None:
        n, now = sample.phone, monotonic()
        self.samples.append(sample)
        self.judged += len(sample.judged())
        unheld = sample.unheld()
        if unheld and now < self.lost.get(n, 0) + NOTICED_SECONDS:
            self.exposed[n] = now - self.lost[n]
        else:
            self.found += unheld


def verified(client: Client, n: int, after: int) -> Verified | None:
    """What the API shows as verified on a phone, each page of it there or later; None if it cannot
    say so in time."""
    shown, cursor = dict[Credential, str](), dict[str, str]()
    while True:
        path = f"devices/{PHONES[n]}/credentials"
        answer = client.look(path, after, limit=200, **cursor)
        if answer is None or not answer.is_success or "X-Stale" in answer.headers:
            return None
        page = answer.json()
        shown |= {
            (UUID(holder["holder"]), one["kind"]): one["reported_at"]
            for holder in page["items"]
            for one in holder["credentials"]
            if one["state"] == "verified"
        }
        if page["next"] is None:
            return shown
        cursor = {"cursor": page["next"]}


@contextmanager
def watching(running: Installation, history: History) -> Iterator[Watch]:
    stop = Flag()
    with a_client(running, history, seed=77) as client:
        watch = Watch(running, client, Ledger(running.house.log))
        thread = Thread(target=watch.look, args=(stop,))
        thread.start()
        try:
            yield watch
        finally:
            stop.set()
            thread.join()
