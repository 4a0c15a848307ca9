"""The relays of a phone: which are open, and until when (S14)."""

from datetime import datetime


class Relays:
    def __init__(self, count: int) -> None:
        self.count = count
        self.until: dict[int, datetime | None] = {}

    def open(self, number: int, until: datetime | None) -> None:
        """Until an instant, or (None) until it is closed by hand."""
        self.until[number] = until

    def close(self, number: int) -> None:
        self.until.pop(number, None)

    def expire(self, now: datetime) -> list[int]:
        """Close what is due; the numbers of those that closed."""
        due = [number for number, until in self.until.items() if until and until <= now]
        for number in due:
            self.close(number)
        return due

    def is_open(self, number: int) -> bool:
        return number in self.until
