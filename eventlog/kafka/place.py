"""How far a log has come into its topic, by three witnesses: what Kafka keeps beside the records,
what PostgreSQL remembers, and the records themselves.
"""

from collections.abc import Iterator, Sequence
from typing import Self

from domain.record import frozen
from eventlog.bus import PARTITIONS


@frozen
class Place:
    """All up to `position` is in the topic. `counts`: the gh-seq of each partition's last."""

    position: int = 0
    counts: tuple[int, ...] = (0,) * PARTITIONS

    def text(self) -> str:
        return ",".join(map(str, self.counts))

    @classmethod
    def of(cls, position: int, text: str) -> Self:
        return cls(position=position, counts=tuple(map(int, text.split(","))))


@frozen
class Tail:
    """The newest record of a partition: its position, 0 where there is none, and its ce_time;
    `count` is the last gh-seq, which a replay may have taken. `begin`: how many offsets age took.
    """

    position: int = 0
    time: str = ""
    count: int = 0
    begin: int = 0


@frozen
class Start:
    """Read on after `place`, but take for each partition only what lies after its `done`. `newest`
    is the last record that the topic has.
    """

    place: Place
    done: tuple[int, ...]
    lost: tuple[str, ...]
    newest: Tail = Tail()


def resume(stored: Place | None, kept: Place | None, tails: Sequence[Tail]) -> Start:
    """`stored` by Kafka, in the transaction of the records; `kept` by PostgreSQL, a little later.

    A partition with fewer records than either knows has lost its tail, and is filled again after
    the last that it has. Empty from a high offset on it has let them go by age, as it should.
    """
    base = stored or kept or Place()
    known = [max(both) for both in zip(base.counts, (kept or base).counts, strict=True)]
    whole = [
        tail.count >= n or (not tail.count and tail.begin >= n)
        for tail, n in zip(tails, known, strict=True)
    ]
    done = [
        max(base.position, t.position) if ok else t.position
        for t, ok in zip(tails, whole, strict=True)
    ]
    counts = [
        n if ok and not t.count else t.count for t, ok, n in zip(tails, whole, known, strict=True)
    ]
    place = Place(position=min(done), counts=tuple(counts))
    return Start(
        place=place,
        done=tuple(done),
        lost=tuple(losses(stored, kept, known, counts)),
        newest=max(tails, key=lambda tail: tail.position),
    )


def losses(
    stored: Place | None, kept: Place | None, known: Sequence[int], counts: Sequence[int]
) -> Iterator[str]:
    if kept and kept.position > (stored.position if stored else 0):
        at = f"position {stored.position}" if stored else "no position"
        yield f"the broker knows of {at}: {kept.position} was published"
    for partition, (n, has) in enumerate(zip(known, counts, strict=True)):
        if has < n:
            yield f"partition {partition} has lost {n - has} records"
