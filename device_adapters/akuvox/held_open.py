"""A phone that holds doors open by schedule (M103): its setting as a record beside people's.

Keys: RelayAEnable and RelayASchedule, "1001/" [SY]; that several ids stand there with "/" between
them [G].
"""

from collections import ChainMap
from collections.abc import Collection, Iterator, Mapping, Sequence
from time import monotonic
from typing import Final

from device_adapters.akuvox import rows, windows
from device_adapters.akuvox.phone import AkuvoxPhone, meanings
from device_adapters.port import Fit, Held, Rejected, Unsupported
from domain.devices import CredentialKind
from domain.rights import HELD_OPEN, Entry

SETTING: Final = "Config.DoorSetting.RELAYSCHEDULE.Relay"
ENABLED: Final = "1"
LETTERS: Final = "ABCD"
LOOKED_SECONDS: Final = 60.0  # a request more with each reading would hold up revocations


class HoldingPhone(AkuvoxPhone):
    """What it was last found to hold open is taken for so until a minute later, or until it is
    written."""

    _shown: Mapping[str, str] = {}
    _look_at = 0.0

    def fit(self, entry: Entry) -> Fit:
        if entry.key != HELD_OPEN:
            return super().fit(entry)
        if any(max(grant.relays) > self.profile.relays for grant in entry.grants):
            lacks: Mapping[CredentialKind, str] = {
                "held_open": f"the phone has {self.profile.relays} relays"
            }
            return Fit(entry=None, lacks=lacks)
        return Fit(entry=entry, lacks={})

    def overflow(self, entries: Sequence[Entry]) -> Mapping[str, str]:
        return super().overflow([entry for entry in entries if entry.key != HELD_OPEN])

    def shows(self, entry: Entry) -> Held:
        if entry.key != HELD_OPEN:
            return super().shows(entry)
        return held(windows.opens([(str(w), relays) for w, relays in rows.wanted_pairs(entry)]))

    def read(self) -> Mapping[str, Held]:
        people = super().read()
        self._look()
        opens = windows.opens(list(self._pairs()))
        return ChainMap({HELD_OPEN: held(opens)}, people) if opens else people  # type: ignore[arg-type]

    def withdraw(self, keys: Collection[str]) -> None:
        if HELD_OPEN in keys:
            self._write({})
        if people := set(keys) - {HELD_OPEN}:
            super().withdraw(people)

    def put(self, entries: Collection[Entry]) -> None:
        """Without its schedule it is left out, which the reading back will show."""
        if people := [entry for entry in entries if entry.key != HELD_OPEN]:
            super().put(people)
        for entry in entries:
            if entry.key == HELD_OPEN:
                self._hold(entry)

    def _hold(self, entry: Entry) -> None:
        ids, wanted = self._ensured([entry]), dict[int, list[str]]()
        for window, relays in rows.wanted_pairs(entry):
            if str(window) not in ids:
                return
            for relay in relays:
                wanted.setdefault(relay, []).append(ids[str(window)])
        self._write(wanted)

    @property
    def _relays(self) -> range:
        return range(1, min(self.profile.relays, len(LETTERS)) + 1)

    def _look(self) -> None:
        """To refuse is to hold nothing open."""
        if monotonic() < self._look_at:
            return
        try:
            self._shown = self._wire.ask("config", "get", {"item": [*self._settings({})]})
        except (Rejected, Unsupported):
            self._shown = {}
        self._look_at = monotonic() + LOOKED_SECONDS

    def _pairs(self) -> Iterator[tuple[str, frozenset[int]]]:
        """Each schedule with the relays that it holds open."""
        meaning = meanings(self._schedules)
        for relay in self._relays:
            name = f"{SETTING}{LETTERS[relay - 1]}"
            if str(self._shown.get(f"{name}Enable")) == ENABLED:
                for id in filter(None, str(self._shown.get(f"{name}Schedule", "")).split("/")):
                    yield meaning.get(id, f"unknown {id}"), frozenset({relay})

    def _write(self, wanted: Mapping[int, Sequence[str]]) -> None:
        self._look_at = 0.0
        self._set_config(self._settings(wanted))

    def _settings(self, wanted: Mapping[int, Sequence[str]]) -> Mapping[str, str]:
        found = dict[str, str]()
        for relay in self._relays:
            ids = sorted(set(wanted.get(relay, ())))
            name = f"{SETTING}{LETTERS[relay - 1]}"
            found[f"{name}Enable"] = ENABLED if ids else "0"
            found[f"{name}Schedule"] = "".join(f"{id}/" for id in ids)
        return found


def held(opens: frozenset[str]) -> Held:
    return Held(name="", pin=None, cards=frozenset(), opens=opens)
