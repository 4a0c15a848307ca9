"""What was written to a phone and is still to be read back."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from device_adapters.port import Offline, Phone, Rejected, Unsupported
from domain.rights import Entry

LEAST_BATCH: Final = 5
Wanted = Mapping[str, Entry | None]


class Sent:
    """`unproven`: what was sent under each key, None where it was withdrawn. `alone`: keys that go
    in a write of their own, for a batch that they were in was refused.
    """

    def __init__(self, phone: Phone) -> None:
        self._phone, self._batch = phone, phone.limits.batch
        self.unproven: dict[str, Entry | None] = {}
        self.alone: set[str] = set()
        self._refused: dict[str, str] = {}
        self._spoiled: set[str] = set()

    def batches(self, keys: Sequence[str], *, grants: bool) -> Iterable[Sequence[str]]:
        """Those of faces one by one: a photo takes as long as many records, and what must go is not
        to wait for several."""
        alone = {key for key in keys if key in self.alone or (grants and key.endswith("-face"))}
        together = [key for key in keys if key not in alone]
        for start in range(0, len(together), self._batch):
            yield together[start : start + self._batch]
        yield from ([key] for key in keys if key in alone)

    def write(self, wanted: Wanted) -> None:
        """A batch that is refused is tried again one by one: one bad record spoils all."""
        try:
            self._send(wanted)
        except Offline:
            self._batch = max(LEAST_BATCH, self._batch // 2)
            raise
        except (Rejected, Unsupported) as no:
            if len(wanted) > 1:
                self.alone.update(wanted)
                self._spoiled.update(wanted)
            else:
                self._refused |= dict.fromkeys(wanted, no.reason)
        self.unproven |= wanted

    def accounts_for(self, wrong: Iterable[str]) -> bool:
        """Whether the phone said itself that it would not take these."""
        return set(wrong) <= self._refused.keys() | self._spoiled

    def first(self) -> Wanted:
        """What is to be proved next: who was withdrawn does not wait for a crowd that came."""
        return {key: None for key, sent in self.unproven.items() if sent is None} or self.unproven

    def take(self, keys: Collection[str]) -> tuple[Wanted, Mapping[str, str], Collection[str]]:
        """What was sent, why single records were refused, and which batches were: over now."""
        sent, refused = self.unproven, self._refused
        spoiled = self._spoiled & set(keys)
        self._spoiled -= spoiled
        return (
            {key: sent.pop(key) for key in keys},
            {key: refused.pop(key) for key in refused.keys() & keys},
            spoiled,
        )

    def _send(self, wanted: Wanted) -> None:
        entries = [entry for entry in wanted.values() if entry]
        if entries:
            self._phone.put(entries)
        if len(entries) < len(wanted):
            self._phone.withdraw([key for key, entry in wanted.items() if not entry])
