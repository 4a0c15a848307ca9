"""What others have to say to a lane, and how they wake it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Condition
from uuid import UUID

from device_adapters.terms import Place
from device_adapters.wants import Want, Wishes
from domain.sync import CheckId


class Bell:
    """`hinted`: poll the door log now; `checks`: compare every record now, and tell who asked (None
    wants no answer); `moved`: to this place; `retired`: withdraw everything and end; `over`: end.
    Anybody may ring, the lane alone answers.
    """

    def __init__(self) -> None:
        self._bell = Condition()
        self.wishes: dict[UUID, Want] = {}
        self.moved: Place | None = None
        self.checks: list[CheckId | None] = []
        self.hinted = self.retired = self.over = False

    @contextmanager
    def rung(self) -> Iterator[None]:
        """What is changed meanwhile wakes the lane."""
        with self._bell:
            yield
            self._bell.notify_all()

    def wait(self, until: Callable[[], object], seconds: float) -> None:
        with self._bell:
            self._bell.wait_for(until, seconds)

    def calls(self) -> bool:
        """Away from here, at once."""
        return self.over or self.retired or self.moved is not None

    def asks(self) -> bool:
        """For something of the phone, if it answers."""
        return bool(self.wishes or self.hinted or self.checks)

    def take(self, most: int | None = None) -> Wishes:
        """What came in since the last time. Of a crowd no more than so many, all who must go among
        them; the others the next time.
        """
        with self._bell:
            taken, self.wishes = self.wishes, {}
            if most is not None and len(taken) > most:
                gone = {who: want for who, want in taken.items() if not want.entries}
                come = [one for one in taken.items() if one[0] not in gone]
                taken, self.wishes = gone | dict(come[:most]), dict(come[most:])
            return taken

    def take_checks(self) -> Sequence[CheckId | None]:
        with self._bell:
            taken, self.checks = self.checks, []
            return taken

    def take_place(self, known: Wishes) -> Place | None:
        """Where to move, if anywhere: what is `known` is then wanted there, too."""
        with self._bell:
            place, self.moved = self.moved, None
            if place:
                self.wishes = {**known, **self.wishes}
            return place
