"""What others have to say to a lane, and how they wake it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from threading import Condition
from uuid import UUID

from device_adapters.terms import Place
from device_adapters.wants import NOTHING, Want, Wishes
from domain.sync import CheckId


class Bell:
    """`hinted`: poll the door log now; `checks`: compare every record now, and tell who asked (None
    wants no answer); `moved`: to this place; `retired`: withdraw everything and end; `over`: end.
    Anybody may ring, the lane alone answers.
    """

    def __init__(self) -> None:
        self._bell = Condition()
        self.wishes: dict[UUID, Want] = {}
        self._gone: dict[UUID, Want] = {}  # of these, who must go
        self.moved: Place | None = None
        self.checks: list[CheckId | None] = []
        self.hinted = self.retired = self.over = False

    @contextmanager
    def rung(self) -> Iterator[None]:
        """What is changed meanwhile wakes the lane."""
        with self._bell:
            yield
            self._bell.notify_all()

    def wish(self, wishes: Wishes) -> None:
        """The latest of each person counts. To be rung."""
        for who, want in wishes.items():
            self.wishes[who] = want
            if want.entries:
                self._gone.pop(who, None)
            else:
                self._gone[who] = want

    def wish_away(self, known: Iterable[UUID]) -> None:
        """All of these, whatever else was wanted."""
        with self._bell:
            self.wishes = dict.fromkeys(known, NOTHING)
            self._gone = dict(self.wishes)

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
            if most is None or len(self.wishes) <= most:
                taken, self.wishes = self.wishes, {}
            else:
                taken = self._gone | dict(islice(self.wishes.items(), most))
                for who in taken:
                    del self.wishes[who]
            self._gone = {}
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
