"""What a phone remembers of doors and calls: rising numbers, newest first, old ones lost (S15)."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from device_adapters.simulator.tables import Row


class Journal:
    """A ring of rows with the phone's own local time, which carries no zone."""

    def __init__(self, rows: int, searched: tuple[str, ...]) -> None:
        self.searched = searched
        self.last_id = 0
        self.ring: deque[Row] = deque(maxlen=rows)

    def write(self, local: datetime, **entry: str) -> Row:
        self.last_id += 1
        when = {"Date": f"{local:%Y-%m-%d}", "Time": f"{local:%H:%M:%S}"}
        row = {"ID": str(self.last_id), **when, **entry}
        self.ring.append(row)
        return row

    def found(self, query: Mapping[str, str]) -> list[Row]:
        """Newest first. Filters: Status, TimeStart, TimeEnd (`YYYY-MM-DD HH:MM:SS` [G]), a name."""
        words = next((query[name] for name in ("NameOrCode", "NameOrNumber") if name in query), "")
        return [
            row
            for row in reversed(self.ring)
            if query.get("Status") in (None, "", row.get("Status"))
            and query.get("TimeStart", "") <= f"{row['Date']} {row['Time']}"
            and f"{row['Date']} {row['Time']}" <= (query.get("TimeEnd") or "9")
            and any(words in row[name] for name in self.searched)
        ]

    def lose(self, rows: int) -> None:
        """The oldest are gone, as when the ring went round while nobody looked."""
        for _ in range(min(rows, len(self.ring))):
            self.ring.popleft()

    def reset(self) -> None:
        self.last_id = 0
        self.ring.clear()

    def dump(self) -> dict[str, Any]:
        return {"last_id": self.last_id, "rows": list(self.ring)}

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.last_id = kept["last_id"]
        self.ring.clear()
        self.ring.extend(kept["rows"])
