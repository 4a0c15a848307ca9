"""What was written in vain, and how long it is left alone (D3)."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from prometheus_client import Counter

from device_adapters.patience import Patience
from domain.devices import SyncState

TRIES: Final = 3
MODE, ZONE = "PIN mode", "time zone"  # the keys under which they fail
MOST_PROBES: Final = 10
IN_VAIN: Final = Counter(
    "gatehouse_phone_tries_in_vain", "Sent to phones and not there afterwards", ["state"]
)


@dataclass(frozen=True, kw_only=True)
class Failing:
    """`state` once `tries` are used up; until `again`, on the monotonic clock, it is left alone."""

    tries: int
    state: SyncState
    reason: str
    again: float


class Breaker:
    """What fails three times is left alone, ever longer. Where nothing that is written is there
    afterwards, one record is tried now and then: once that is there, all are, at once, so that a
    phone that has lied for a while is right soon after it has stopped. What fails even then is to
    blame itself.
    """

    def __init__(self, patience: Patience, clock: Callable[[], float]) -> None:
        self._patience, self._clock = patience, clock
        self.failing: dict[str, Failing] = {}
        self._works, self._probes = True, 0
        self._once_more, self._to_blame = set[str](), set[str]()

    def again(self, key: str, first: float) -> float:
        failing = self.failing.get(key)
        return failing.again if failing else first

    def suspended(self) -> int:
        return sum(one.tries >= TRIES for one in list(self.failing.values()))

    def fail(self, key: str, refused: str | None, differs: str, *, must_go: bool) -> None:
        before = self.failing.get(key)
        tries = before.tries + 1 if before else 1
        self._judge(key, tries)
        rest = self._rest(tries - TRIES, must_go=must_go) if tries >= TRIES else 0
        state: SyncState = "rejected" if refused else "mismatch"
        IN_VAIN.labels(state).inc()
        self.failing[key] = Failing(
            tries=tries,
            state=state,
            reason=refused or differs,
            again=self._clock() + min(rest, self._patience.longest),
        )

    def concluded(self, right: Collection[str], wrong: Collection[str]) -> None:
        """What was there afterwards of what was written together, and what was not."""
        if right:
            if not self._works:
                self._once_more |= set(self._soon(self._left_alone(), 0))
            self._works, self._probes = True, 0
        elif set(wrong) - self._to_blame:
            self._works = False
            self._probe()

    def _probe(self) -> None:
        if self._probes < MOST_PROBES and (alone := self._left_alone()):
            self._probes += 1
            self._soon([min(alone, key=lambda key: self.failing[key].again)], self._patience.probe)

    def _judge(self, key: str, tries: int) -> None:
        if tries == 1:
            self._to_blame.discard(key)
        elif key in self._once_more:
            self._to_blame.add(key)
        self._once_more.discard(key)

    def _left_alone(self) -> list[str]:
        never = {MODE, ZONE, *self._to_blame}
        return [k for k, one in self.failing.items() if one.tries >= TRIES and k not in never]

    def _soon(self, keys: Sequence[str], seconds: float) -> Sequence[str]:
        for key in keys:
            one = self.failing[key]
            self.failing[key] = replace(one, again=min(one.again, self._clock() + seconds))
        return keys

    def _rest(self, again: int, *, must_go: bool) -> float:
        if must_go:
            return self._patience.revocation
        return self._patience.breaker * 2.0 ** min(again, 8)
