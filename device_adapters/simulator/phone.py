"""A door phone without its wires: what it does when it is asked, and behind our back."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from device_adapters.simulator.doorway import Doorway
from device_adapters.simulator.faults import UnknownFault
from device_adapters.simulator.tables import FAILED, Item, Rejected, Row, Table


class Phone(Doorway):
    """All state and no I/O; api.py speaks for it, wire.py carries that."""

    def write(self, name: str, action: str, items: Sequence[Item]) -> None:
        """`add`, `set` or `del`. Rejected if one item was bad."""
        if self.faults.strikes("accept_and_drop"):
            return
        table = self._changing(name)
        items = self.faults.left_of(items)
        if action == "del":
            delete(table, items)
            return
        one = table.add if action == "add" else table.set
        for item in items:  # what came before a bad item stays [G]
            one(item)

    def clear(self, name: str) -> None:
        if not self.faults.strikes("accept_and_drop"):
            self._changing(name).clear()

    def rows(self, name: str) -> list[Row]:
        """As they are, or as they were while reads are stale."""
        fresh = self.clock() - timedelta(seconds=self.faults.number("stale_reads"))
        past = self.past[name] if self.faults.is_on("stale_reads") else []
        rows = next((rows for when, rows in past if when > fresh), self.tables[name].rows)
        return list(rows.values())

    def local_edit(self, op: str, user_id: str = "", row: Mapping[str, str] | None = None) -> None:
        """On its own web page: `add`, `del`, `alter`, `duplicate`; `cloud` makes a vendor's row."""
        self.version += 1
        if op in ("add", "cloud"):
            owner = {"SourceType": "2", "Source": "Cloud"} if op == "cloud" else {}
            self.users.force({**(row or {}), **owner})
            return
        known = next((user for user in self.users if user["UserID"] == user_id), None)
        if known is None:
            raise UnknownFault(f"local_edit: no user {user_id!r}")
        if op == "del":
            self.users.drop(known)
        elif op == "alter":
            self.users.put({**known, **(row or {})})
        elif op == "duplicate":
            self.users.force(known)
        else:
            raise UnknownFault("local_edit takes op add, del, alter, duplicate or cloud")

    def keep_backup(self) -> None:
        self.backup = self.dump()

    def restore_backup(self) -> None:
        """An old state comes back; the logs go on."""
        if self.backup is None:
            raise UnknownFault("restore_backup needs a backup first")
        self.restore({**self.backup, "journals": self.dump()["journals"]})

    def state(self) -> dict[str, Any]:
        """Everything, for asserts; what is a secret of the API stays out."""
        return {
            "model": self.profile.model,
            "mac": self.mac,
            "firmware": self.profile.firmware,
            "now": self.now().isoformat(),
            "uptime": self.uptime(),
            "config": self.config.shown(),
            **{f"{name}s": list(table) for name, table in self.tables.items()},
            **{name: list(journal.ring) for name, journal in self.journals.items()},
            "relays": {n: self.is_open(n) for n in range(1, self.relays.count + 1)},
            "doors": {n: n in self.frames.since for n in range(1, self.relays.count + 1)},
            "faults": self.faults.on,
            "answered": self.answered,
            "most_at_once": self.most_at_once,
            "hurried": self.hurried,
            "urls_called": list(self.urls_called),
        }

    def _changing(self, name: str) -> Table:
        if self.faults.is_on("stale_reads"):
            self.past[name].append((self.clock(), dict(self.tables[name].rows)))
        self.users.capacity = int(self.faults.number("capacity")) or self.profile.max_users
        self.version += 1
        return self.tables[name]


def delete(table: Table, items: Sequence[Item]) -> None:
    """One that is unknown does not keep the others [G], but is told."""
    bad = 0
    for item in items:
        try:
            table.delete(item)
        except Rejected:
            bad += 1
    if bad:
        raise Rejected(FAILED)
