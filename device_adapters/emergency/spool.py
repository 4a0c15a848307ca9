"""Orders that were given at this host without the log, on disk before anything is done (D14).

A file for each: a line for the order, and one for each thing that was found at a door. While
somebody writes to it he has the kernel's lock of it, which ends with him.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self
from uuid import UUID

import structlog

from device_adapters.emergency.snapshot import doors_of, doors_told, sync
from domain.access_groups import Door
from domain.emergency import DoorResult, Order, OrderId
from domain.ids import CommunityId, DeviceId
from domain.record import frozen

NAME: Final = "spool"
ENDING: Final = ".jsonl"
log = structlog.get_logger()


@frozen
class Given:
    """An order, whose, by whom (as the operation log will say) and when."""

    community: CommunityId
    order: Order
    by: str
    given_at: datetime


@frozen
class Spooled:
    """`busy`: somebody is still about it. `results` are those that were found so far."""

    file: Path
    given: Given
    results: tuple[DoorResult, ...] = field(repr=False)
    busy: bool


class Entry:
    """A file that is being written, by any thread. A line is on disk when the call ends."""

    def __init__(self, folder: Path, given: Given) -> None:
        """The folder is made if need be; what is in it belongs to whom the one above belongs."""
        made = not folder.is_dir()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = folder / f"{given.order.generation}-{given.order.id}{ENDING}"
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._lock = Lock()
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        if os.geteuid() == 0:
            owner = folder.parent.stat()
            os.fchown(self._descriptor, owner.st_uid, owner.st_gid)
            os.chown(folder, owner.st_uid, owner.st_gid)
        self._write(order_told(given))
        sync(folder)
        if made:
            sync(folder.parent)

    def add(self, result: DoorResult) -> None:
        self._write(result_told(result))

    def close(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, said: Mapping[str, Any]) -> None:
        with self._lock:
            os.write(self._descriptor, json.dumps(said).encode() + b"\n")
            os.fsync(self._descriptor)


def spooled(folder: Path) -> Iterator[Spooled]:
    """The oldest first. Whose first line is not whole has done nothing yet."""
    for file in sorted(folder.glob(f"*{ENDING}"), key=lambda file: int(file.name.split("-")[0])):
        busy = is_busy(file)
        lines = file.read_bytes().split(b"\n")[:-1]
        if not lines:
            continue
        try:
            yield read(file, [json.loads(line) for line in lines], busy=busy)
        except (ValueError, KeyError, TypeError, AttributeError):
            log.error("emergency: a spooled order cannot be read", file=file.name)
            file.rename(file.with_suffix(".unreadable"))


def remove(file: Path) -> None:
    file.unlink()
    sync(file.parent)


def is_busy(file: Path) -> bool:
    with file.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def read(file: Path, lines: list[Mapping[str, Any]], *, busy: bool) -> Spooled:
    first, *rest = lines
    order = Order(
        id=OrderId(UUID(first["order"])),
        generation=first["generation"],
        open=first["open"],
        doors=doors_of(first["doors"]),
        drill=first["drill"],
    )
    given = Given(
        community=CommunityId(UUID(first["community"])),
        order=order,
        by=first["by"],
        given_at=datetime.fromisoformat(first["given_at"]),
    )
    results = tuple(result_of(line, order) for line in rest)
    return Spooled(file=file, given=given, results=results, busy=busy)


def order_told(given: Given) -> dict[str, Any]:
    order = given.order
    return {
        "order": str(order.id),
        "community": str(given.community),
        "generation": order.generation,
        "open": order.open,
        "doors": doors_told(order.doors),
        "drill": order.drill,
        "by": given.by,
        "given_at": given.given_at.isoformat(),
    }


def result_told(result: DoorResult) -> dict[str, Any]:
    return {
        "device": str(result.door.device),
        "relay": result.door.relay,
        "state": result.state,
        "shown": result.shown,
        "at": result.at.isoformat(),
        "reason": result.reason,
    }


def result_of(said: Mapping[str, Any], order: Order) -> DoorResult:
    return DoorResult(
        order=order.id,
        generation=order.generation,
        door=Door(device=DeviceId(UUID(said["device"])), relay=said["relay"]),
        open=order.open,
        state=said["state"],
        shown=said["shown"],
        at=datetime.fromisoformat(said["at"]),
        reason=said["reason"],
    )
