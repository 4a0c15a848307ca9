"""Clients of the public API that write down what they are told, and ask again until they know."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from threading import Event as Flag
from threading import Thread
from typing import Any
from uuid import UUID, uuid5

import httpx

from tests.running.history import History, Line
from tests.running.installation import MODELS, Installation

COMMUNITY = UUID("6b0c1f34-7c0e-4a52-9d0e-5c1a6de5a001")
NOBODY = UUID(int=0)
APARTMENTS, PEOPLE = 6, 18
RELAYS = {"X916": 4, "R29": 3, "R20A": 2, "E12W": 1, "S532": 2}
SCHEDULES: tuple[dict[str, Any], ...] = (
    {"repeat": "daily", "start": "06:00", "end": "22:00"},
    {"repeat": "weekly", "days": [1, 3, 5], "start": "22:00", "end": "02:00"},
    {"repeat": "never", "first": "2031-06-11", "last": "2031-06-13", "start": "08:00"},
)
AGAIN_SECONDS = 0.1
BREATH_SECONDS = 0.02  # between two commands of a client


def an_id(*parts: object) -> str:
    return str(uuid5(COMMUNITY, "/".join(map(str, parts))))


@dataclass
class Client:
    """`offences` are answers that nobody should ever get, whoever was killed."""

    http: httpx.Client
    history: History
    random: Random
    patience: float = 60
    offences: list[str] = field(default_factory=list)
    asked_again: int = 0

    def send(self, name: str, /, **body: Any) -> Line:
        """The last word: `unknown` only if patience ran out."""
        key, deadline = UUID(int=self.random.getrandbits(128), version=4), time.monotonic()
        deadline += self.patience
        while (line := self._try(key, name, body)).what == "unknown":
            if time.monotonic() > deadline:
                return line
            self.asked_again += 1
            time.sleep(AGAIN_SECONDS)
        if line.what == "ok" and self.random.random() < 0.1:  # once more, to hear the same (N17)
            self._try(key, name, body)
        return line

    def must(self, name: str, /, **body: Any) -> int:
        """The position; AssertionError for anything but an ok."""
        line = self.send(name, **body)
        assert line.what == "ok", f"{name}: {line}"
        return line.position

    def _try(self, key: UUID, name: str, body: dict[str, Any]) -> Line:
        self._write(told("invoke", key, said=name, **value_in(name, body)))
        headers = {"Idempotency-Key": str(key)}
        try:
            answer = self.http.post(f"commands/{name}", json=body, headers=headers)
        except httpx.TransportError as error:
            return self._write(told("unknown", key, said=type(error).__name__))
        return self._write(self._understood(key, answer))

    def _understood(self, key: UUID, answer: httpx.Response) -> Line:
        self._mind(answer)
        if answer.status_code == 202:
            said = answer.json()
            return told("ok", key, position=said["position"], events=said["events"])
        if answer.is_client_error:
            return told("fail", key, said=f"{answer.status_code} {answer.json().get('code', '')}")
        return told("unknown", key, said=str(answer.status_code))

    def look(self, path: str, after: int = 0, **query: int | str) -> httpx.Response | None:
        """None if nobody answers."""
        asked = query | ({"after_position": after} if after else {})
        try:
            answer = self.http.get(path, params=asked)
        except httpx.TransportError:
            return None
        self._mind(answer)
        if after and answer.is_success:
            self._write(shown(answer, after))
        return answer

    def _mind(self, answer: httpx.Response) -> None:
        """K3: nothing but 503 with Retry-After from a system that is hurt."""
        hurt = answer.status_code == 503 and "Retry-After" in answer.headers
        if answer.is_server_error and not hurt:
            self.offences.append(f"{answer.status_code} from {answer.url.path}: {answer.text}")

    def _write(self, line: Line) -> Line:
        self.history.write(line)
        return line


def value_in(name: str, body: Mapping[str, Any]) -> dict[str, str]:
    """What a command writes that can be read back: somebody's last name, each one new."""
    if name != "change-contact":
        return {}
    return {"of": body["resident"], "value": body["contact"]["last_name"]}


def shown(answer: httpx.Response, after: int) -> Line:
    """A read; of one resident, with the name."""
    here, stale = int(answer.headers["X-Position"]), "X-Stale" in answer.headers
    found, person = answer.json(), dict[str, str]()
    if found.get("contact") and "resident" in found:
        person = {"of": found["resident"], "value": found["contact"]["last_name"]}
    return told("read", NOBODY, position=here, asked=after, stale=stale, **person)


def told(what: Any, key: UUID, **said: Any) -> Line:
    return Line(at=time.monotonic(), what=what, command_id=key, **said)


@contextmanager
def a_client(running: Installation, history: History, seed: int) -> Iterator[Client]:
    with httpx.Client(
        base_url=f"{running.address}/api/v1/communities/{COMMUNITY}/",
        headers={"Authorization": f"Bearer {running.up.token()}"},
        timeout=10,
        trust_env=False,
    ) as http:
        yield Client(http, history, Random(seed))


def settle(client: Client, running: Installation) -> None:
    """A small community: everybody stands at every phone, and some have a group beside."""
    client.must("create-community", name="Quay", zone="Europe/Lisbon")
    client.must("create-building", building=an_id("tower"), name="Tower")
    for n in range(APARTMENTS):
        home = {"apartment": an_id("flat", n), "building": an_id("tower")}
        client.must("create-apartment", **home, number=str(100 + n))
    for n in range(len(MODELS)):
        client.must("register-device", **phone(running, n))
    for name in GROUPS:
        client.must("create-access-group", **group(name, 0))
    for n in range(PEOPLE):
        client.must("add-resident", **person(n))
        client.must("issue-pin", resident=an_id("person", n), pin=f"{2000 + n}")
        client.must("issue-card", resident=an_id("person", n), card=f"AA{n:06X}")


GROUPS = ("Gym", "Pool")


def phone(running: Installation, n: int) -> dict[str, Any]:
    box, model = running.phones.state(n), MODELS[n]
    takes = {"methods": ["card"]} if model == "E12W" else {}
    return {
        "device": an_id("phone", n),
        "name": f"Door {n}",
        "box": {
            "mac": box["mac"],
            "model": model,
            "firmware": box["firmware"],
            "address": running.phones.addresses[n],
        },
        "relays": [
            {"number": r, "name": f"Door {n}/{r}", **takes} for r in range(1, RELAYS[model] + 1)
        ],
        "login": running.phones.login,
    }


def group(name: str, schedule: int) -> dict[str, Any]:
    doors = range(len(MODELS)) if name == "Gym" else range(0, len(MODELS), 2)
    return {
        "group": an_id("group", name),
        "name": name,
        "schedule": SCHEDULES[schedule],
        "doors": [{"device": an_id("phone", n), "relay": 1} for n in doors],
    }


def person(n: int | str) -> dict[str, Any]:
    number = n if isinstance(n, int) else APARTMENTS
    return {
        "resident": an_id("person", n),
        "apartment": an_id("flat", number % APARTMENTS),
        "role": "master" if number < APARTMENTS else "family",
        "contact": {"first_name": "Person", "last_name": str(n)},
    }


@dataclass
class Busy:
    """Somebody who changes rights all day; few people and few codes, so that they collide."""

    client: Client
    name: str
    breath: float
    added: int = 0

    def work(self, stop: Flag) -> None:
        while not stop.wait(self.breath):
            [act] = self.client.random.choices([*ACTS], [*ACTS.values()])
            act(self)

    def who(self) -> str:
        return an_id("person", self.client.random.randrange(PEOPLE))

    def issue_pin(self) -> None:
        pin = str(self.client.random.randrange(2000, 2040))
        self._checked(self.client.send("issue-pin", resident=self.who(), pin=pin))

    def revoke_pin(self) -> None:
        self._checked(self.client.send("revoke-pin", resident=self.who()))

    def rename(self) -> None:
        """And read the name back."""
        who, name = self.who(), f"N{self.client.random.getrandbits(64):X}"
        contact = {"first_name": "Person", "last_name": name}
        line = self.client.send("change-contact", resident=who, contact=contact)
        self.client.look(f"residents/{who}", line.position)
        self.client.look(f"residents/{self.who()}", line.position)

    def issue_card(self) -> None:
        self.client.send("issue-card", resident=self.who(), card=self.card())

    def revoke_card(self) -> None:
        self.client.send("revoke-card", resident=self.who(), card=self.card())

    def card(self) -> str:
        return f"AA{self.client.random.randrange(40):06X}"

    def add(self) -> None:
        self.added += 1
        new = f"{self.name}-{self.added}"
        self.client.send("add-resident", **person(new))
        pin = str(self.client.random.randrange(5000, 50_000))
        self.client.send("issue-pin", resident=an_id("person", new), pin=pin)

    def leave(self) -> None:
        if self.added:
            number = self.client.random.randint(1, self.added)
            self.client.send("delete-resident", resident=an_id("person", f"{self.name}-{number}"))

    def edit_group(self) -> None:
        name, when = self.client.random.choice(GROUPS), self.client.random.randrange(3)
        self.client.send("edit-access-group", **group(name, when))

    def choose_people(self) -> None:
        name = self.client.random.choice(("add-people", "remove-people"))
        chosen = {self.who() for _ in range(3)}
        where = an_id("group", self.client.random.choice(GROUPS))
        self.client.send(name, group=where, residents=sorted(chosen))

    def _checked(self, line: Line) -> None:
        """Read your own write, now and then."""
        if line.what == "ok" and self.client.random.random() < 0.2:
            self.client.look("residents", line.position)


ACTS: Mapping[Callable[[Busy], None], int] = {
    Busy.issue_pin: 6,
    Busy.revoke_pin: 3,
    Busy.issue_card: 5,
    Busy.rename: 2,
    Busy.revoke_card: 3,
    Busy.add: 2,
    Busy.leave: 1,
    Busy.edit_group: 1,
    Busy.choose_people: 2,
}


@contextmanager
def busy_clients(
    running: Installation,
    history: History,
    count: int,
    first: int = 0,
    breath: float = BREATH_SECONDS,
) -> Iterator[list[Client]]:
    """That many threads until the block ends; each then still learns how its last command went.
    `first`: the seed of the first one, of which none may come twice in a history.
    """
    stop = Flag()
    with ExitStack() as open_clients:
        clients = [
            open_clients.enter_context(a_client(running, history, first + n)) for n in range(count)
        ]
        works = [Busy(client, f"busy{first + n}", breath).work for n, client in enumerate(clients)]
        threads = [Thread(target=work, args=(stop,)) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield clients
        finally:
            stop.set()
            for thread in threads:
                thread.join()
