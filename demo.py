"""Harbour Quarter: a community to look at, made through the public API as any installer would.

Its residents come from a real .xlsx by the same import that users have. Seeding twice changes
nothing; a seeding that was stopped goes on where it was.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from secrets import token_urlsafe
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import httpx

from commands.residents.rows import ResidentRow
from schemas.sheets.rows import columns_of
from schemas.sheets.writing import write_sheet

NAME, ZONE = "Harbour Quarter", "Europe/Lisbon"
COMMUNITY = uuid5(NAMESPACE_DNS, "harbour-quarter.example")
BUILDINGS = ("Lighthouse", "Boathouse", "Ropewalk")
FLOORS, DOORS_A_FLOOR, PEOPLE = 10, 10, 650
SIM_USER = "gatehouse"

# Model and name of each phone; one of a building stands there for each building, in order.
FLEET = (
    *(("X916", f"{building} main entrance", building) for building in BUILDINGS),
    *(("X916", f"{gate} gate", None) for gate in ("North", "South", "Marina")),
    *(("R29", f"{building} lobby", building) for building in BUILDINGS),
    *(("R29", f"{building} side entrance", building) for building in BUILDINGS),
    *(("R20A", f"{building} parcel room", building) for building in BUILDINGS),
    *(("E12W", f"{building} bike room", building) for building in BUILDINGS),
    *(("E12W", f"{building} roof terrace", building) for building in BUILDINGS),
    *(("S532", f"{building} garage", building) for building in BUILDINGS),
)
RELAYS = {"X916": 4, "R29": 3, "R20A": 2, "E12W": 1, "S532": 2}
METHODS = {  # by plate or tag one drives through a gate
    "R29": ["pin", "card", "face"],
    "R20A": ["pin", "card"],
    "E12W": ["card"],  # it has no keypad
    "S532": ["pin", "card"],
}
GROUPS = (
    (
        "Lobbies",
        {"repeat": "daily", "start": "00:00", "end": "23:59"},
        tuple(f"{building} lobby" for building in BUILDINGS),
    ),
    ("Boat club", {"repeat": "daily", "start": "05:00", "end": "23:00"}, ("Marina gate",)),
    (
        "Cleaners",
        {"repeat": "weekly", "days": [1, 2, 3, 4, 5], "start": "07:00", "end": "15:30"},
        tuple(f"{building} lobby" for building in BUILDINGS),
    ),
    (
        "Visitors of the regatta",
        {
            "repeat": "never",
            "first": "2027-06-11",
            "last": "2027-06-13",
            "start": "08:00",
            "end": "22:00",
        },
        ("North gate", "South gate", "Marina gate"),
    ),
)
# Brand, serial, name, the phone that it follows (M15); the office is in a flat of its own.
LOCKS = (
    *(
        ("itec", f"HQ-BIKES-{n}", f"{building} bike cellar", f"{building} bike room")
        for n, building in enumerate(BUILDINGS, 1)
    ),
    ("dormakaba", "HQ-OFFICE", "Harbour office", None),
)
OFFICE = ("Lighthouse", "101")
FIRST = "Ana Bruno Clara Diogo Eva Filipe Graça Hugo Inês João Lara Miguel Nuno Olga Paulo Rita"
LAST = "Almeida Barros Costa Dias Esteves Faria Gomes Lopes Matos Neves Pinto Reis Sousa Teixeira"


def an_id(*parts: object) -> str:
    return str(uuid5(COMMUNITY, "/".join(map(str, parts))))


def phones_port(port: int) -> int:
    """Where the first phone listens, beside a web on this port."""
    return port + 100


def locks_port(port: int) -> int:
    """Where the locks' gateway listens, behind the last phone."""
    return phones_port(port) + len(FLEET)


def secret_of(data: Path) -> str:
    """The phones' API password, made at the first start and kept to ourselves."""
    file = data / "keys" / "phones"
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(token_urlsafe(24))
    return file.read_text()


@dataclass(frozen=True)
class Api:
    """The public API as an installer's client sees it."""

    client: httpx.Client

    def send(self, name: str, /, **body: Any) -> None:
        self.posted(name, json=body)

    def posted(self, name: str, /, **content: Any) -> int:
        """The position that the answer gives."""
        answer = self.client.post(f"commands/{name}", **content)
        if answer.is_error:
            raise RuntimeError(f"{name}: {answer.status_code} {answer.text}")
        return int(answer.json()["position"])

    def wait(self, position: int) -> None:
        """Until the screens show it; each asking waits for two seconds at the most."""
        for screen in ("dashboard", "residents", "apartments", "devices", "access-groups"):
            asked = f"{screen}?after_position={position}"
            while "X-Stale" in self.client.get(asked).raise_for_status().headers:
                pass

    def there(self) -> bool:
        """Whether all was made before."""
        answer = self.client.get("dashboard")
        if answer.status_code == 404:
            return False
        counts = answer.raise_for_status().json()
        found = counts["residents"], counts["devices"]["registered"]
        return found >= (PEOPLE, len(FLEET))


def seed(
    web: str,
    token: str,
    phones: list[str],
    gateway: str,
    password: str,
    say: Callable[[str], None],
) -> None:
    """`phones` are the addresses of the simulated fleet, in FLEET's order; `gateway` is that of the
    locks.
    """
    with httpx.Client(
        base_url=f"{web}/api/v1/communities/{COMMUNITY}/",
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
        trust_env=False,
    ) as client:
        api = Api(client)
        if api.there():
            return
        api.send("create-community", name=NAME, zone=ZONE)
        say("buildings and apartments")
        homes(api)
        say(f"{len(FLEET)} door phones")
        doors(api, phones, password)
        say(f"{len(LOCKS)} locks behind a gateway")
        fit_locks(api, gateway, password)
        say(f"{PEOPLE} residents from a spreadsheet")
        file = {"file": ("residents.xlsx", write_sheet(columns(), people()))}
        position = api.posted("import-residents", files=file)
        say("read models")
        api.wait(position)


def homes(api: Api) -> None:
    for building in BUILDINGS:
        api.send("create-building", building=an_id(building), name=building)
        for number in numbers():
            api.send(
                "create-apartment",
                apartment=an_id(building, number),
                building=an_id(building),
                number=number,
            )


def numbers() -> Iterator[str]:
    return (f"{floor}{door:02}" for floor in range(1, FLOORS + 1) for door in range(1, 11))


def doors(api: Api, phones: list[str], password: str) -> None:
    for (model, name, building), address in zip(FLEET, phones, strict=True):
        box = httpx.get(f"{address}/sim/state", trust_env=False).raise_for_status().json()
        api.send(
            "register-device",
            device=an_id("phone", name),
            name=name,
            box={
                "mac": box["mac"],
                "model": model,
                "firmware": box["firmware"],
                "address": address,
            },
            relays=relays(name, model),
            place={"building": an_id(building) if building else None},
            login={"user": SIM_USER, "password": password},
        )
    for name, schedule, names in GROUPS:
        opens = [{"device": an_id("phone", door), "relay": 1} for door in names]
        group = an_id("group", name)
        api.send("create-access-group", group=group, name=name, schedule=schedule, doors=opens)


def fit_locks(api: Api, gateway: str, password: str) -> None:
    """M107, M133: those of the bike cellars are given what opens the bike rooms."""
    building, number = OFFICE
    for brand, serial, name, phone in LOCKS:
        api.send(
            "register-lock",
            lock=an_id("lock", serial),
            brand=brand,
            serial=serial,
            name=name,
            address=gateway,
            place={} if phone else {"apartment": an_id(building, number)},
            login={"user": SIM_USER, "password": password},
            phone=an_id("phone", phone) if phone else None,
        )
    api.send("choose-lock-sync", brand="itec", kinds=["pin", "card"])


def relays(name: str, model: str) -> list[dict[str, Any]]:
    takes = {"methods": METHODS[model]} if model in METHODS else {}
    names = [name, *(f"{name} {n}" for n in range(2, RELAYS[model] + 1))]
    return [{"number": n, "name": called, **takes} for n, called in enumerate(names, 1)]


def columns() -> list[Any]:
    return list(columns_of(ResidentRow).values())


def plate(number: int) -> str:
    """As they are in Portugal now: AB-12-CD."""
    letters, digits = divmod(number, 100)
    first, second = divmod(letters, 100)
    pairs = (f"{chr(65 + n // 10)}{chr(65 + n % 10)}" for n in (first, second))
    return f"{next(pairs)}-{digits:02}-{next(pairs)}"


def people() -> Iterator[dict[str, str]]:
    """A master in every apartment and families in most; the same people at every start."""
    random = Random(COMMUNITY.int)  # noqa: S311 - a demo that repeats, nobody's secret
    flats = [(building, number) for building in BUILDINGS for number in numbers()]
    pins = random.sample(range(10_000, 90_000), PEOPLE)
    cards = random.sample(range(2**28, 2**32), PEOPLE)
    families = random.choices(flats, k=PEOPLE - len(flats))
    plates = Random(COMMUNITY.int + 1).sample(range(100_000, 1_000_000), PEOPLE)  # noqa: S311
    for n, (building, number) in enumerate([*flats, *families]):
        master = n < len(flats)
        yield {
            "Building": building,
            "Apt": number,
            "Account Type": "0" if master else "1",
            "First Name": random.choice(FIRST.split()),
            "Last Name": f"{random.choice(LAST.split())} {n:03}",
            "PIN": f"{pins[n]}",
            "RF Card": f"{cards[n]:08X}",
            "License Plate": plate(plates[n]) if master and n % 3 == 0 else "",
            "UHF Card": f"E280{plates[n]:08}" if master and n % 9 == 0 else "",
            "Remark": "demo",
        }
