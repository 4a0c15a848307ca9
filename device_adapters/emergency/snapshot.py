"""What a host needs to reach every door without PostgreSQL, in one sealed file (D14).

It holds addresses and the logins of phones, and nobody's code or name.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from device_adapters.emergency.book import Book, Town
from domain.access_groups import Door
from domain.devices import Box, Device, Login, Place, Relay
from domain.emergency import Doors
from domain.ids import CommunityId, DeviceId
from domain.record import Erased, Personal, frozen
from eventlog.sealing import HEAD, Master, SubjectKey, Tampered, fresh, nonce, seal, unseal

NAME: Final = "snapshot"
MAGIC: Final = b"GHE\x01"
WRAPPED_BYTES: Final = 45  # Master.wrap of 32 bytes
AAD: Final = b"emergency snapshot"


class NoSnapshot(Exception):
    """There is none that could be used; the message says why, for people."""


@frozen
class Community:
    """`doors`: its emergency door group, None for all; `last`: the newest order's generation."""

    id: CommunityId
    name: str
    doors: Doors
    last: int
    devices: tuple[Device, ...] = field(repr=False)


@frozen
class Snapshot:
    written_at: datetime
    communities: tuple[Community, ...]


def write(folder: Path, master: Master, book: Book, at: datetime) -> None:
    """0600, complete or not at all, under a key of its own that the master key wraps."""
    towns = [told(home, town) for home, town in sorted(book.copy().items())]
    text = json.dumps({"written_at": at.isoformat(), "communities": towns}).encode()
    key = fresh()
    sealed = MAGIC + master.wrap(key.dek) + seal(key, text, AAD, nonce())
    draft = folder / f".{NAME}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(sealed)
        stream.flush()
        os.fsync(descriptor)
    draft.replace(folder / NAME)
    sync(folder)


def read(folder: Path, master: Master) -> Snapshot:
    try:
        sealed = (folder / NAME).read_bytes()
    except FileNotFoundError:
        raise NoSnapshot(f"{folder / NAME} is not there: the adapters write it") from None
    try:
        said = json.loads(opened(sealed, master))
    except (Tampered, ValueError):
        raise NoSnapshot(f"{folder / NAME} does not open with this KEK_FILE") from None
    return Snapshot(
        written_at=datetime.fromisoformat(said["written_at"]),
        communities=tuple(map(community, said["communities"])),
    )


def opened(sealed: bytes, master: Master) -> bytes:
    head, box = sealed[: len(MAGIC) + WRAPPED_BYTES], sealed[len(MAGIC) + WRAPPED_BYTES :]
    if head[: len(MAGIC)] != MAGIC:
        raise Tampered
    key = SubjectKey(id=box[1:HEAD], dek=master.unwrap(head[len(MAGIC) :]))
    text = unseal(key, box, AAD)
    if isinstance(text, Erased):
        raise Tampered
    return text


def told(home: CommunityId, town: Town) -> dict[str, Any]:
    return {
        "id": str(home),
        "name": town.name,
        "doors": doors_told(town.emergency.doors),
        "last": town.orders.last,
        "devices": [device_told(device) for device in town.devices.values()],
    }


def device_told(device: Device) -> dict[str, Any]:
    box, login = device.box, device.login
    return {
        "device": str(device.device),
        "name": device.name,
        "box": {name: getattr(box, name) for name in ("mac", "model", "firmware", "address")},
        "relays": [[relay.number, relay.name] for relay in device.relays],
        "login": [login.user, known(login.password)] if isinstance(login, Login) else None,
    }


def known(password: Personal[str]) -> str:
    return password if isinstance(password, str) else ""


def doors_told(doors: Doors) -> list[list[Any]] | None:
    return None if doors is None else [[str(door.device), door.relay] for door in doors]


def community(said: Mapping[str, Any]) -> Community:
    return Community(
        id=CommunityId(UUID(said["id"])),
        name=said["name"],
        doors=doors_of(said["doors"]),
        last=said["last"],
        devices=tuple(map(device, said["devices"])),
    )


def device(said: Mapping[str, Any]) -> Device:
    login = said["login"]
    return Device(
        device=DeviceId(UUID(said["device"])),
        name=said["name"],
        box=Box(**said["box"]),
        place=Place(),
        relays=tuple(Relay(number=number, name=name) for number, name in said["relays"]),
        login=Login(user=login[0], password=login[1]) if login else None,
        hint="",
    )


def doors_of(said: list[list[Any]] | None) -> Doors:
    if said is None:
        return None
    return frozenset(Door(device=DeviceId(UUID(id)), relay=relay) for id, relay in said)


def sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def age(snapshot: Snapshot) -> float:
    """Seconds."""
    return (datetime.now(UTC) - snapshot.written_at).total_seconds()
