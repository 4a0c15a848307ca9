"""How long `gatehouse up` with the demo takes from nothing, and again; and what each process holds
after the import, as PSS, so that shared pages count once. `python -m bench memory`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import median

import psutil

from bench.machine import Meter
from bench.results import QUICK, Absurd, noise, save, show
from bench.running import Gatehouse
from supervision import Supervisor

MB = 2**20
TOO_LONG, TOO_MUCH = 100, 2000  # seconds, MB: beyond these something is broken


@dataclass(frozen=True)
class Start:
    """pip is not counted, and the files are in the page cache."""

    seconds: float
    foreign: float


def main(rounds: int = 1) -> None:
    """The quick profile leaves the demo out."""
    quick = rounds <= QUICK
    house = Gatehouse({"DEMO": str(int(not quick))})
    meter = Meter()
    with house:
        cold = Start(house.seconds, meter.usage().foreign)
        house.settled()
        held = memory(house)
        house.down()
        warm = [again(house) for _ in range(max(1, rounds // 2))]
    report([cold], warm, held, demo=not quick)


def again(house: Gatehouse) -> Start:
    house.down()
    meter = Meter()
    house.up()
    return Start(house.seconds, meter.usage().foreign)


def memory(house: Gatehouse) -> Mapping[str, float]:
    """MB of each process of the Procfile with its children, and of those that look after them."""
    programs = {one.name: one.memory() / MB for one in Supervisor(house.config()).processes()}
    up = psutil.Process(house.pid)
    [supervisord] = up.children()
    keepers = {"supervisor": supervisord, "gatehouse up": up}
    return programs | {n: one.memory_full_info().pss / MB for n, one in keepers.items()}


def report(cold: list[Start], warm: list[Start], held: Mapping[str, float], *, demo: bool) -> None:
    starts = {"from nothing": cold, "again": warm}
    show(
        ("memory: `gatehouse up`" + (", demo" if demo else ""), "s", "others' CPU"),
        [
            (
                name,
                f"{median(one.seconds for one in each):.1f}",
                noise(median(one.foreign for one in each)),
            )
            for name, each in starts.items()
        ],
    )
    sizes = sorted(held.items(), key=lambda each: -each[1])
    show(("process", "MB (PSS)"), [(name, f"{size:.0f}") for name, size in sizes])
    show(("all processes", ""), [("MB (PSS)", f"{sum(held.values()):.0f}")])
    said = {name: [asdict(one) for one in each] for name, each in starts.items()}
    save("memory", {"demo": demo, "starts": said, "pss MB": held})
    if cold[0].seconds > TOO_LONG or sum(held.values()) > TOO_MUCH or "postgres" not in held:
        raise Absurd(f"{cold[0].seconds:.0f} s to start, {sum(held.values()):.0f} MB")


if __name__ == "__main__":
    main()
