"""Lists over HTTP at 1 and 16 clients, in a community of 10,000 residents.

Peers: the marshmallow path on the same settings and, where bench/others has its venv, FastAPI with
SQLAlchemy and Django REST framework. Limits: the same page in this process on one connection, and
pgbench asking for the same rows. `python -m bench lists`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import cycle, islice
from random import Random
from time import sleep
from urllib.parse import urlencode

import psycopg

from bench.community import A_HOUSEHOLD, Community, homes
from bench.lib import Goal
from bench.limits import in_process, pgbench
from bench.load import Answer, Load, Wrong, ask, drive, expect, request
from bench.peers import CONNINFO
from bench.results import QUICK, alternating, console, tell
from bench.running import STRANGERS, Gatehouse, a_gatehouse, peer, stranger
from device_adapters.simulator.fleet import Fleet
from domain.ids import CommunityId
from projections.residents import Residents

CLIENTS = (1, 16)
WARM = 0.2
PAGES, A_PAGE = 100, 50
PHONES = GROUPS = 50
PEOPLE_OF_THE_GATE = 25
LISTS = ("residents", "library/pins", "access-groups", "devices", "logs/operations", "logs/door")
GOALS = [
    Goal("residents, c16", "marshmallow, c16", 5),
    Goal("residents, c1", "marshmallow, c1", 5),
    Goal("residents 304, c16", "residents, c16", 1.1),
    Goal("residents, c16", "pgbench, c16", 0.1),
    Goal("residents, c1", "in process", 0.25),
]
PEERS = {"FastAPI": "fastapi_page:app", "DRF": "django_page:app"}
THEIRS = [
    Goal("residents, c16", "FastAPI, c16", 8),
    Goal("residents, c16", "DRF, c16", 15),
    Goal("residents 304, c16", "FastAPI, c16", 10),
]
Arms = dict[str, Callable[[], Load]]


def main(rounds: int = 3) -> None:
    quick = rounds <= QUICK
    people, punches, seconds = (2000, 100, 0.4) if quick else (10_000, 1000, 1.0)
    with a_gatehouse(DEVICE_NETWORKS="127.0.0.0/8", DEVICE_PACE="0") as house, Fleet(["X916"]) as f:
        town = Community.make(house, people)
        furnish(town, f, punches)
        pages = {path: addresses(town, path) for path in LISTS}
        with peers(town) as ports, reader(house) as db:
            for port in ports.values():
                same(town, port, pages["residents"])
            arms = ours(town, pages, seconds) | theirs(town, ports, people, seconds)
            arms["in process"] = partial(in_process, page(db, town), seconds)
            arms["pgbench, c16"] = partial(pgbench, house, town.id, 16, seconds)
            taken = alternating(arms, rounds)
    goals = GOALS + (THEIRS if STRANGERS.exists() else [])
    tell("lists", taken, goals, {"people": people, "door log": punches})


@contextmanager
def peers(town: Community) -> Iterator[dict[str, int]]:
    """Their ports, by name. FastAPI's and Django's are left out where they have no venv."""
    house, settings = town.house, {CONNINFO: superuser(town.house)}
    with ExitStack() as running:
        started = partial(peer, house, "bench.peers:marshmallow()", **settings)
        ports = {"marshmallow": running.enter_context(started())}
        if STRANGERS.exists():
            for name, app in PEERS.items():
                ports[name] = running.enter_context(stranger(house, app, **settings))
        else:
            console.print(f"skipped: {', '.join(PEERS)}: see bench/README.md for their venv")
        yield ports


def ours(town: Community, pages: dict[str, list[str]], seconds: float) -> Arms:
    arms: Arms = {}
    for n in CLIENTS:
        for path, found in pages.items():
            asks = [town.get(at) for at in found]
            arms[f"{path}, c{n}"] = partial(asked, town.house.port, asks, n, seconds, 200)
        asks = [town.get(at, If_None_Match=etag(town, at)) for at in pages["residents"][:25]]
        arms[f"residents 304, c{n}"] = partial(asked, town.house.port, asks, n, seconds, 304)
    return arms


def theirs(town: Community, ports: dict[str, int], people: int, seconds: float) -> Arms:
    keys = Random(1).sample(residents(town), min(PAGES, people))
    asks = [request("GET", f"/?{urlencode(key)}") for key in keys]
    return {
        f"{name}, c{n}": partial(asked, port, asks, n, seconds, 200)
        for n in CLIENTS
        for name, port in ports.items()
    }


def asked(port: int, asks: Sequence[bytes], clients: int, seconds: float, status: int) -> Load:
    """Everybody asks for all pages, in an order of their own."""
    random = Random(clients)
    parts = [cycle(random.sample(asks, len(asks))) for _ in range(clients)]
    drive(port, parts, seconds=WARM, check=expect(status))
    return drive(port, parts, seconds=seconds, check=expect(status))


def addresses(town: Community, path: str) -> list[str]:
    """Of full pages only, so that each answer is as long as the next."""
    found = list(islice(town.addresses(path, A_PAGE), PAGES))
    full = [at for at in found if len(items(town.read(at))) == A_PAGE]
    if not full:
        raise Wrong(f"{path} has no page of {A_PAGE}")
    return full


def items(answer: Answer) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(answer.body)["items"]
    return found


def etag(town: Community, at: str) -> str:
    head = town.read(at).head.decode()
    return next(line[6:] for line in head.split("\r\n") if line.lower().startswith("etag: "))


def residents(town: Community) -> list[dict[str, object]]:
    """The keys of which a page of the peer begins, none of the last page."""
    with psycopg.connect(superuser(town.house)) as db:
        rows = db.execute(
            "select name, resident from read.residents where community = %s"
            " order by name, resident",
            [town.id],
        ).fetchall()
    keys = [{"community": town.id, "name": name, "resident": who} for name, who in rows]
    return keys[:-A_PAGE]


def same(town: Community, port: int, pages: Sequence[str]) -> None:
    """The peer says the same as ours, of the second page."""
    last = items(town.read(pages[0]))[-1]
    name, who = str(last["name"]).lower(), last["resident"]
    key = urlencode({"community": town.id, "name": name, "resident": who})
    theirs, *_ = ask(port, request("GET", f"/?{key}"))
    if items(theirs) != items(town.read(pages[1])):
        raise Wrong("the peer answers something else")


def page(db: psycopg.Connection[tuple[object, ...]], town: Community) -> Callable[[], bytes]:
    model = Residents(db, None)

    def page() -> bytes:
        found = model.listed(CommunityId(town.id), limit=A_PAGE)
        return ",".join(found.docs).encode()

    return page


def superuser(house: Gatehouse) -> str:
    server = house.config().embedded
    assert server
    return server.conninfo()


def reader(house: Gatehouse) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        house.config().database.read,
        autocommit=True,
        prepare_threshold=0,
        options="-c search_path=read",
    )


def furnish(town: Community, fleet: Fleet, punches: int) -> None:
    """Phones (one answers, nobody is at home at the others), groups, and people at the gate."""
    flats = [town.an_id(*home) for home in homes(A_HOUSEHOLD * PHONES)]
    boxes = [(fleet[0].mac, fleet[0].url), *unplugged(PHONES - 1)]
    doors = zip(flats, boxes, strict=True)
    town.all([registered(town, n, flat, *box) for n, (flat, box) in enumerate(doors)])
    daily = {"repeat": "daily", "start": "00:00", "end": "23:59"}
    gate = [{"device": town.an_id("phone", 0), "relay": 1}]
    groups = [(town.an_id("group", n), f"Group {n:02}") for n in range(GROUPS)]
    made = partial(town.command, "create-access-group", schedule=daily, doors=gate)
    town.all([made(group=id, name=name) for id, name in groups])
    people = town.residents()[:PEOPLE_OF_THE_GATE]
    town.say("add-people", group=groups[0][0], residents=[str(who) for who in people])
    pins = [f"8{n:07}" for n in range(PEOPLE_OF_THE_GATE)]
    issue = partial(town.command, "issue-pin")
    town.all([issue(resident=str(w), pin=p) for w, p in zip(people, pins, strict=True)])
    come_home(town, fleet, pins, punches)
    town.house.settled()


def unplugged(count: int) -> Iterator[tuple[str, str]]:
    return ((f"0C11058{n:05X}", f"http://127.0.0.1:{n + 2}") for n in range(count))


def registered(town: Community, n: int, flat: str, mac: str, address: str) -> bytes:
    return town.command(
        "register-device",
        device=town.an_id("phone", n),
        name=f"Phone {n:02}",
        box={"mac": mac, "model": "X916", "firmware": "916.30.10.206", "address": address},
        relays=[{"number": 1, "name": f"Door {n:02}"}],
        place={"apartment": flat},
    )


def come_home(town: Community, fleet: Fleet, pins: Sequence[str], punches: int) -> None:
    """Everybody again and again, until the door log has it all."""
    wait(lambda: {user["PrivatePIN"] for user in fleet[0].state()["users"]} >= {*pins})
    for n in range(punches):
        if not fleet[0].punch(pins[n % len(pins)]).opened:
            raise Wrong("the phone does not open")
        if not n % 50:
            sleep(0.05)  # its ring is read before it goes round
    with psycopg.connect(superuser(town.house), autocommit=True) as db:
        count = "select count(*) >= %s from read.door_log where community = %s"
        wait(lambda: bool((db.execute(count, [punches, town.id]).fetchone() or [False])[0]))


def wait(ready: Callable[[], bool], seconds: float = 60) -> None:
    for _ in range(int(seconds / 0.05)):
        if ready():
            return
        sleep(0.05)
    raise Wrong(f"not so in {seconds} s")


if __name__ == "__main__":
    main()
