"""Trouble that comes over a fleet by itself, and the same for the same seed (S20, S23)."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from device_adapters.simulator import control
from device_adapters.simulator.phone import Phone

# What goes wrong in a building, and how much oftener than the rarest of it.
MIXED: Sequence[tuple[int, str, Mapping[str, Any]]] = (
    (6, "offline", {}),
    (3, "hang", {}),
    (4, "latency", {"ms": 300}),
    (3, "half_close", {}),
    (4, "lost_ack", {}),
    (4, "error_rate", {"rate": 0.5}),
    (3, "accept_and_drop", {"rate": 0.5}),
    (3, "partial_batch", {"keep": 0.5}),
    (2, "stale_reads", {"seconds": 2}),
    (2, "garbage", {"kind": "truncated"}),
    (2, "wrong_content_type", {}),
    (2, "reboot", {"seconds": 2}),
    (1, "factory_reset", {}),
    (1, "backup", {}),
    (1, "restore_backup", {}),
    (2, "local_edit", {"op": "del"}),
    (2, "local_edit", {"op": "alter", "row": {"PrivatePIN": "999999"}}),
    (1, "local_edit", {"op": "duplicate"}),
)


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """After `at` seconds a phone, by its place in the fleet, gets a fault, which lasts so many
    seconds; what is no lasting fault is over at once. `chance` decides what it leaves open."""

    at: float
    phone: int
    name: str
    given: Mapping[str, Any] = field(default_factory=dict)
    lasts: float
    chance: float


def forecast(phones: int, every: float, seed: int) -> Iterator[Trouble]:
    """Without end: something at a random phone every so many seconds on average, for 1 to 8."""
    random, at = Random(seed), 0.0  # noqa: S311 - repeatable, no secret
    weights = [weight for weight, _, _ in MIXED]
    while True:
        at += random.expovariate(1 / every)
        [(_, name, given)] = random.choices(MIXED, weights)
        where, lasts, chance = random.randrange(phones), random.uniform(1, 8), random.random()
        yield Trouble(at=at, phone=where, name=name, given=given, lasts=lasts, chance=chance)


def strike(phone: Phone, trouble: Trouble) -> bool:
    """Whether there was anything to spoil: an edit takes one of the users, a restore a backup."""
    given = dict(trouble.given)
    if trouble.name == "local_edit":
        if not (known := [user["UserID"] for user in phone.users]):
            return False
        given["user_id"] = known[int(trouble.chance * len(known))]
    if trouble.name == "restore_backup" and phone.backup is None:
        return False
    control.fault(phone, trouble.name, given)
    return True


def is_over(phone: Phone, trouble: Trouble) -> None:
    if trouble.name not in control.ACTS:
        phone.faults.set(trouble.name, {"on": False})


async def brew(phones: Sequence[Phone], troubles: Iterable[Trouble]) -> None:
    """In real time."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for trouble in troubles:
        await asyncio.sleep(began + trouble.at - loop.time())
        if strike(phones[trouble.phone], trouble):
            loop.call_later(trouble.lasts, is_over, phones[trouble.phone], trouble)
