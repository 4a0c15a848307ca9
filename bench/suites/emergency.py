"""From the manager's click on Unlock until each of 90 doors stands open, and is read back.

At the pace that real phones need (0.25 s between requests), on phones that their lanes keep
meanwhile. Peer: none known. Limit: who are you, open, at that pace. `python -m bench emergency`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter, sleep
from typing import Any
from uuid import UUID

from bench.community import A_HOUSEHOLD, Community, homes
from bench.load import Wrong, ask, expect, percentile
from bench.machine import Meter
from bench.results import QUICK, Absurd, noise, save, show
from bench.running import Gatehouse, a_gatehouse
from device_adapters.simulator.fleet import Fleet
from device_adapters.simulator.phone import Phone

DOORS, FEW = 90, 8
PATIENCE = 30
GOAL, TOO_SLOW = 2.0, 20.0
LOCAL = "127.0.0.0/8"


def main(rounds: int = 3) -> None:
    quick = rounds <= QUICK
    with (
        a_gatehouse(DEVICE_NETWORKS=LOCAL) as house,
        Fleet(["X916"] * (FEW if quick else DOORS)) as fleet,
    ):
        opened = dict[str, float]()
        for phone in fleet:
            phone.do(lambda one: watch(one, opened))
        town = furnished(house, fleet)
        meter = Meter()
        taken = [one_round(town, len(fleet), opened) for _ in range(1 if quick else 5)]
        foreign = meter.usage().foreign
    report(taken, foreign, len(fleet))


def watch(phone: Phone, opened: dict[str, float]) -> None:
    """When its relay was last triggered."""
    trigger = phone.trigger

    def timed(relay: int, **how: int) -> None:
        trigger(relay, **how)
        if phone.is_open(relay):
            opened.setdefault(phone.mac, perf_counter())

    phone.trigger = timed  # type: ignore[method-assign]


def furnished(house: Gatehouse, fleet: Fleet) -> Community:
    """A door for each phone; all are online."""
    town = Community.empty(house, A_HOUSEHOLD)
    flat = town.an_id(*next(iter(homes(A_HOUSEHOLD))))
    for phone in fleet:
        town.say(
            "register-device",
            device=town.an_id("phone", phone.mac),
            name=phone.mac,
            box={"mac": phone.mac, "model": "X916", "firmware": "1", "address": phone.url},
            relays=[{"number": 1, "name": "door"}],
            place={"apartment": flat},
        )
    until(lambda: json.loads(town.read("dashboard").body)["devices"]["online"] == len(fleet))
    return town


def one_round(
    town: Community, doors: int, opened: dict[str, float]
) -> Mapping[str, Sequence[float]]:
    """Seconds to each door, and to each result that the report has."""
    opened.clear()
    begun = perf_counter()
    answer, *_ = ask(town.house.port, town.command("unlock-doors", doors="all", drill=True))
    expect(202)(answer)
    answered = perf_counter() - begun
    until(lambda: len(opened) == doors)
    until(lambda: reported(town)["verified"] == doors)
    verified = [door["milliseconds"] / 1000 for door in reported(town)["doors"]]
    town.say("lock-doors", doors="all")
    until(lambda: reported(town)["verified"] == doors)
    seconds = [at - begun for at in opened.values()]
    return {"open": seconds, "read back": verified, "answered": [answered]}


def reported(town: Community) -> dict[str, Any]:
    """The newest order, as its report has it."""
    [newest, *_] = json.loads(town.read("emergency/orders?limit=1").body)["items"]
    found: dict[str, Any] = json.loads(town.read(f"emergency/orders/{UUID(newest['order'])}").body)
    return found


def until(ready: Callable[[], bool], pause: float = 0.02) -> None:
    deadline = perf_counter() + PATIENCE
    while not ready():
        if perf_counter() > deadline:
            raise Wrong(f"not so in {PATIENCE} s")
        sleep(pause)


def report(taken: Sequence[Mapping[str, Sequence[float]]], foreign: float, doors: int) -> None:
    named = {name: sorted(s for one in taken for s in one[name]) for name in taken[0]}
    show(
        (f"emergency, {doors} doors", "n", "p50 s", "p99 s", "slowest s", "others' CPU"),
        [
            (
                name,
                len(each),
                *(f"{percentile(each, q):.2f}" for q in (0.5, 0.99, 1.0)),
                noise(foreign),
            )
            for name, each in named.items()
        ],
    )
    late = percentile(named["open"], 0.99)
    show(("seconds to open", "p99", "goal"), [(f"{doors} doors", f"{late:.2f}", GOAL)])
    save("emergency", {"seconds": named})
    if late > TOO_SLOW:
        raise Absurd(f"a door takes {late:.1f} s to open in an emergency")


if __name__ == "__main__":
    main()
