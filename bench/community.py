"""A community of our own in a running Gatehouse, made through the API as any client would."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from random import Random
from typing import Any
from uuid import UUID, uuid4, uuid5

from bench.load import Answer, Load, ask, drive, expect, request
from bench.running import Gatehouse
from commands.residents.rows import ResidentRow
from schemas.sheets.rows import columns_of
from schemas.sheets.writing import write_sheet

XLSX = "application/octet-stream"
BOUNDARY = "bench-bench-bench"
BUILDINGS, A_HOUSEHOLD = 5, 25


@dataclass(frozen=True)
class Community:
    """`id` is new for each; everything in it has an id made of that one."""

    house: Gatehouse
    id: UUID

    @classmethod
    def empty(cls, house: Gatehouse, people: int) -> "Community":
        """With homes for that many people."""
        made = cls(house, uuid4())
        made.say("create-community", name="Bench", zone="Europe/Lisbon")
        made.build(people)
        return made

    @classmethod
    def make(cls, house: Gatehouse, people: int) -> "Community":
        """With the people, imported from a sheet."""
        made = cls.empty(house, people)
        made.all([an_import(made, sheet(people))])
        return made

    @property
    def path(self) -> str:
        return f"/api/v1/communities/{self.id}"

    def an_id(self, *parts: object) -> str:
        return str(uuid5(self.id, "/".join(map(str, parts))))

    def command(self, name: str, /, **body: Any) -> bytes:
        return self.post(f"commands/{name}", json.dumps(body).encode())

    def post(self, path: str, body: bytes, mime: str = "application/json") -> bytes:
        token = f"Bearer {self.house.token}"
        return request("POST", f"{self.path}/{path}", body, mime=mime, Authorization=token)

    def get(self, path: str, **headers: str) -> bytes:
        token = f"Bearer {self.house.token}"
        return request("GET", f"{self.path}/{path}", Authorization=token, **headers)

    def say(self, name: str, /, **body: Any) -> None:
        answer, *_ = ask(self.house.port, self.command(name, **body))
        expect(202)(answer)

    def all(self, asks: Sequence[bytes], clients: int = 8) -> Load:
        """Every one of them accepted."""
        parts = [asks[n::clients] for n in range(min(clients, len(asks)))]
        return drive(self.house.port, parts, check=expect(202))

    def read(self, path: str) -> Answer:
        answer, *_ = ask(self.house.port, self.get(path))
        expect(200)(answer)
        return answer

    def build(self, people: int) -> None:
        named = partial(self.command, "create-building")
        self.all([named(building=self.an_id(b), name=b) for b in buildings()])
        self.all(
            [
                self.command(
                    "create-apartment",
                    apartment=self.an_id(building, number),
                    building=self.an_id(building),
                    number=number,
                )
                for building, number in homes(people)
            ]
        )

    def move_in(self, n: int, people: int) -> list[bytes]:
        """What the n-th row of the sheet of so many people says, command by command."""
        row = rows(people)[n]
        who = self.an_id("resident", n)
        contact = {
            "first_name": row["First Name"],
            "last_name": row["Last Name"],
            "email": row["Email"],
            "mobile": f"+{row['Telephone Calling Code']}{row['Mobile Number']}",
            "phones": [row["Phone1"]],
            "remark": row["Remark"],
        }
        return [
            self.command(
                "add-resident",
                resident=who,
                apartment=self.an_id(row["Building"], row["Apt"]),
                role="family" if int(row["Account Type"]) else "master",
                contact=contact,
            ),
            self.command("issue-pin", resident=who, pin=row["PIN"]),
            self.command("issue-card", resident=who, card=row["RF Card"]),
        ]

    def residents(self) -> list[UUID]:
        """All of them, page by page, when the read model has them."""
        self.house.settled()
        return [UUID(one["resident"]) for page in self.pages("residents") for one in page]

    def pages(self, path: str) -> Iterator[list[dict[str, Any]]]:
        return (json.loads(self.read(at).body)["items"] for at in self.addresses(path))

    def addresses(self, path: str, limit: int = 200) -> Iterator[str]:
        """Of every page of a list, as a client finds them."""
        first = at = f"{path}?limit={limit}"
        while at:
            yield at
            following = json.loads(self.read(at).body)["next"]
            at = f"{first}&cursor={following}" if following else ""


MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def form(file: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="residents.xlsx"'
    return (
        f"{head}\r\nContent-Type: {XLSX}\r\n\r\n".encode() + file + f"\r\n--{BOUNDARY}--".encode()
    )


def an_import(town: Community, data: bytes) -> bytes:
    return town.post("commands/import-residents", form(data), MULTIPART)


def people_of(town: Community) -> int:
    return int(json.loads(town.read("dashboard").body)["residents"])


def buildings() -> list[str]:
    return [f"Tower {n}" for n in range(1, BUILDINGS + 1)]


def homes(people: int) -> Iterator[tuple[str, str]]:
    for n in range(-(-people // A_HOUSEHOLD)):
        yield buildings()[n % BUILDINGS], f"{n // BUILDINGS + 101}"


def sheet(people: int) -> bytes:
    return write_sheet(list(columns_of(ResidentRow).values()), rows(people))


@cache
def rows(people: int) -> Sequence[dict[str, str]]:
    """A master and a family in each home; everybody with what a row of the manual has."""
    return tuple(made_rows(people))


def made_rows(people: int) -> Iterator[dict[str, str]]:
    random = Random(people)
    flats = list(homes(people))
    pins = random.sample(range(100_000, 900_000), people)
    cards = random.sample(range(2**28, 2**32), people)
    for n in range(people):
        building, number = flats[n % len(flats)]
        yield {
            "Building": building,
            "Apt": number,
            "Account Type": "0" if n < len(flats) else "1",
            "First Name": f"First{n}",
            "Last Name": "Muñoz" if n % 5 == 0 else f"Last{n}",
            "Email": f"u{n}@example.org",
            "Mobile Number": f"91{n:07}",
            "Telephone Calling Code": "351",
            "Phone1": f"21{n:07}",
            "PIN": f"{pins[n]}",
            "RF Card": f"{cards[n]:08X}",
            "Remark": "tenant",
        }


def chunks(ids: Sequence[UUID], parts: int) -> list[list[UUID]]:
    each = len(ids) // parts
    found = iter(ids)
    return [list(islice(found, each)) for _ in range(parts)]
