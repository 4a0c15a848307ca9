"""Lanes leave a phone alone while somebody is about an emergency there."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

from domain.ids import DeviceId


class Gate:
    """A phone takes one request at a time [PL]. Nobody waits to begin: a request of a lane that is
    under way is not waited for, only its next one waits.
    """

    def __init__(self) -> None:
        self._bell = Condition()
        self._inside: Counter[DeviceId] = Counter()

    @contextmanager
    def alone(self, device: DeviceId) -> Iterator[None]:
        with self._bell:
            self._inside[device] += 1
        try:
            yield
        finally:
            with self._bell:
                self._inside[device] -= 1
                self._bell.notify_all()

    def before(self, device: DeviceId, may: Callable[[], None]) -> Callable[[], None]:
        """What a lane asks before each request, after it has waited here."""

        def ask() -> None:
            self.wait(device)
            may()

        return ask

    def wait(self, device: DeviceId) -> None:
        """Until nobody is about an emergency there."""
        with self._bell:
            self._bell.wait_for(lambda: not self._inside[device])
