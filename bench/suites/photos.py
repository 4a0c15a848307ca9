"""What a face costs: from an upload to the picture that is kept, and from there onto a phone at the
pace that real ones need; and what a phone full of plates, floors and faces costs to read.
`python -m bench photos`.
"""

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from io import BytesIO
from random import Random
from statistics import median
from time import perf_counter
from uuid import UUID

from PIL import Image

from bench.results import QUICK, Absurd, save, show
from commands.residents.pictures import as_kept
from device_adapters.akuvox.phone import AkuvoxPhone
from device_adapters.akuvox.profiles import profile_of
from device_adapters.simulator.fleet import Fleet, PluggedIn
from domain.access_groups import ALWAYS
from domain.faces import known_by
from domain.kernel import Malformed
from domain.rights import Entry, Grant

CAMERA = (4000, 3000)  # 12 megapixels
FACES, CROWD = 20, 5_500
TOO_SLOW = 5.0  # seconds for one face
OPENS = frozenset({Grant(schedule=ALWAYS, relays=frozenset({1}))})


def main(rounds: int = 3) -> None:
    quick = rounds <= QUICK
    upload, kept = camera(), as_kept(camera())
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4) * 2 + b"\x08\x06\0\0\0"
    found = {
        "12 MP photo made small": timed(rounds, lambda: as_kept(upload)),
        "bomb refused": timed(rounds, lambda: refused(bomb)),
    }
    with Fleet(["X916"]) as fleet:
        many = 3 if quick else FACES
        put = timed(1, lambda: faces(fleet[0], kept, many))
        found["one face onto a phone, 0.25 s between requests"] = [put[0] / many]
        crowd(fleet[0], 500 if quick else CROWD)
        found[f"{500 if quick else CROWD} people with plates and floors read"] = read(
            fleet[0], rounds
        )
    show(
        ("photos", f"ms; {len(upload) // 1024} KB become {len(kept) // 1024} KB"),
        [(name, f"{median(each) * 1000:.1f}") for name, each in found.items()],
    )
    save("photos", {"seconds": found, "kept bytes": len(kept), "upload bytes": len(upload)})
    if put[0] / many > TOO_SLOW:
        raise Absurd(f"{put[0] / many:.1f} s for one face")


def camera() -> bytes:
    noise = Image.frombytes("RGB", (400, 300), Random(0).randbytes(360_000)).resize(CAMERA)
    made = BytesIO()
    noise.save(made, "JPEG", quality=60)
    return made.getvalue()


def refused(upload: bytes) -> None:
    with suppress(Malformed):
        as_kept(upload)
        raise Absurd("a bomb was taken")


def timed(rounds: int, work: Callable[[], object]) -> Sequence[float]:
    found = []
    for _ in range(rounds):
        began = perf_counter()
        work()
        found.append(perf_counter() - began)
    return found


def person(n: int, face: str | None = None) -> Entry:
    return Entry(
        key=f"{UUID(int=n).hex}{'-face' if face else ''}",
        holder=UUID(int=n),
        name=f"Person {n}",
        pin=None if face else f"{n}",
        cards=frozenset(),
        grants=OPENS,
        plates=frozenset() if face else frozenset({f"AA{n}"}),
        face=face,
        floors=frozenset({1, 2}),
    )


def faces(sim: PluggedIn, kept: bytes, many: int) -> None:
    """One by one, as the keeper does it."""
    pictures = {known_by(kept + bytes([n])): kept + bytes([n]) for n in range(many)}
    profile = replace(profile_of("X916"), settle=0)
    with closing(
        AkuvoxPhone(sim.url, None, profile, photo=lambda _, face: pictures[face])
    ) as phone:
        for n, face in enumerate(pictures, 1):
            phone.put([person(n, face)])


def crowd(sim: PluggedIn, many: int) -> None:
    with closing(AkuvoxPhone(sim.url, None, profile_of("X916").paced(0, 0))) as phone:
        everybody = [person(n) for n in range(10_000, 10_000 + many)]
        for start in range(0, many, 500):
            phone.put(everybody[start : start + 500])


def read(sim: PluggedIn, rounds: int) -> Sequence[float]:
    with closing(AkuvoxPhone(sim.url, None, profile_of("X916").paced(0, 0))) as phone:
        return timed(rounds, lambda: list(phone.read().values()))


if __name__ == "__main__":
    main()
