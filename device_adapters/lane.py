"""A thread for one phone: it alone speaks to it, so that a hung one holds nobody up (D2)."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from threading import Thread
from time import monotonic
from uuid import UUID

import structlog
from prometheus_client import Counter

from device_adapters import clocks
from device_adapters.bell import Bell
from device_adapters.errands import Errand, Errands, Found, Said
from device_adapters.keeper import Keeper
from device_adapters.ledger import Credential, Ledger
from device_adapters.port import (
    Failure,
    Identity,
    Locked,
    Rejected,
    Unsupported,
    WrongBox,
)
from device_adapters.terms import Known, Over, Place, Poll, Reports, Rhythm, Snapshot
from device_adapters.verified import Digest
from device_adapters.wants import Wishes
from device_adapters.word import Word
from domain.maintenance import Upkeep
from domain.settings import PinMode
from domain.sync import CheckId

logger = structlog.get_logger()
MOST_TRYING = 50  # in a snapshot
WRITTEN = Counter("gatehouse_phone_records_written", "Records sent to phones", ["kind"])


class Lane:
    """`poll` is called with the phone every heartbeat, and at once when hinted."""

    def __init__(
        self,
        place: Place,
        known: Known,
        reports: Reports,
        digest: Digest,
        poll: Poll,
        rhythm: Rhythm,
        now: Callable[[], float],
    ) -> None:
        self.device, self._place, self._reports = place.device, place, reports
        self._poll, self._rhythm, self._now = poll, rhythm, now
        self._digest = digest
        self.bell, self._errands = Bell(), Errands(now)
        self.pin_mode: PinMode = "pin"
        self.because: Mapping[str, object] = {}  # the event that the latest wishes came of
        self.zone: str | None = None
        self.on_strangers = known.on_strangers
        self._word = Word(place.device, reports, known)
        self._failure: str | None = None
        self._failures, self._started = 0, monotonic()
        self._seen: float | None = None
        self._beat_at = self._scan_at = self._poll_at = 0.0
        self._uptime: float | None = None
        self._clock_off: float | None = None
        self._clock = clocks.Watch(place.device, reports, known.clock)
        self._random = Random(place.device.int)  # noqa: S311 - to spread retries, no secret
        self._asked: list[CheckId | None] = list(known.checks)
        self._begin(place, known.ledger)
        self._thread = Thread(target=self._live, name=f"lane {place.device}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def want(self, wishes: Wishes, pin_mode: PinMode = "pin", zone: str | None = None) -> None:
        """Only the latest wish of each person counts; `zone` as in patience.Surroundings."""
        with self.bell.rung():
            self.bell.wish(wishes)
            self.bell.hinted |= zone != self.zone
            self.pin_mode, self.zone = pin_mode, zone

    def hint(self) -> None:
        """The phone has something to tell: poll its door log now."""
        with self.bell.rung():
            self.bell.hinted = True

    def check(self, check: CheckId | None = None) -> None:
        """Compare every record now, and report what was found to who asked."""
        with self.bell.rung():
            self.bell.checks.append(check)

    def run(self, errand: Errand) -> None:
        """At once if need be, whether the phone answers or not."""
        with self.bell.rung():
            self._errands.add(errand)

    def look_after(self, upkeep: Upkeep, found: Found, said: Said | None) -> None:
        """What is kept on it, whom to tell whether it is there, and what was told last."""
        with self.bell.rung():
            self._errands.keep(upkeep, found, said)

    def is_busy(self) -> bool:
        """Whether something is to be written now. For the lane's own thread, as in `poll`."""
        return bool(self.bell.wishes) or self._is_due()

    def gone(self, credential: Credential) -> datetime | None:
        """When what had been there before was proved to be there no more (D8)."""
        return self._ledger.gone.get(credential)

    def bearer(self, name: str, at: datetime) -> UUID | None:
        """Whose face the phone knew by a name. For the lane's own thread, as in `poll`."""
        return self._keeper.bearer(name, at)

    def move(self, place: Place) -> None:
        """Another box, address or login. What was said of the old box says nothing of it."""
        with self.bell.rung():
            self.bell.moved = place

    def retire(self) -> None:
        """Withdraw all of ours, as far as the phone can be reached now, and end."""
        with self.bell.rung():
            self.bell.retired = True

    def stop(self) -> None:
        """End after the request under way; `join` waits for it."""
        with self.bell.rung():
            self.bell.over = True

    def join(self, seconds: float | None = None) -> bool:
        """Whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def status(self) -> Snapshot:
        waiting, revocations, since = self._keeper.waiting()
        now = monotonic()
        return Snapshot(
            device=self.device,
            online=self._word.online,
            failure=self._failure,
            seen=None if self._seen is None else now - self._seen,
            waiting=waiting + len(self.bell.wishes),
            revocations=revocations,
            waiting_for=None if since is None else now - since,
            suspended=self._keeper.suspended(),
            clock_off=self._clock_off,
            strangers=self._word.strangers,
            states=self._ledger.standing(),
            trying=self._keeper.trying(MOST_TRYING),
        )

    # What the keeper needs

    def wishes(self, most: int | None = None) -> Wishes:
        return self.bell.take(most)

    def pause(self, seconds: float, *, until_wishes: bool) -> None:
        bell = self.bell
        bell.wait(lambda: bell.over or (until_wishes and bell.wishes), seconds)
        self._check_over()

    def wrote(self, records: int, grants: bool) -> None:
        kind = "grants" if grants else "revocations"
        WRITTEN.labels(kind).inc(records)
        logger.info("written", device=str(self.device), kind=kind, records=records, **self.because)
        self._check_over()
        if self._errands.calls():
            self._errands.run(self._phone, self._place.mac)
        if grants:  # what must go is proved to be gone before anybody asks what it opened (D8)
            self._poll_if_due()

    def catch_up(self) -> None:
        self._poll(self.device, self._phone)
        self._clock.forget()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    # The thread

    def _live(self) -> None:
        try:
            while not self.bell.over:
                self._sleep(self._turn())
        except Over:
            if self.bell.retired:
                self._give_up()
        finally:
            self._phone.close()

    def _give_up(self) -> None:
        try:
            self._errands.give_up()
        except Exception as trouble:  # the log's: nobody is left to say it later
            self._complain(trouble)

    def _sleep(self, seconds: float) -> None:
        """While the phone does not answer, new wishes only wait with the old ones."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            self.bell.wait(self._is_rung, left)
            if self._must_turn():
                return
            self._keeper.hear()

    def _is_rung(self) -> bool:
        return self._must_turn() or bool(self.bell.wishes)

    def _must_turn(self) -> bool:
        if self.bell.calls() or self._errands.calls():
            return True
        return not self._failures and self.bell.asks()

    def _turn(self) -> float:
        """Seconds until the next one."""
        try:
            self._arrive()
            self._keep()
            return self._rest()
        except Over:
            raise
        except Failure as failure:
            return self._failed(failure)
        except Exception as trouble:  # the log's, or a bug: neither may end the lane
            self._complain(trouble)
            self._keeper.forget()
            return self._rhythm.first_retry * 5

    def _keep(self) -> None:
        self._errands.run(self._phone, self._place.mac)
        now = monotonic()
        if self._failures or now >= self._beat_at + self._grace():
            self._beat()
        self._asked += self.bell.take_checks()
        if self._asked or now >= self._scan_at:
            self._keeper.forget()
        if retiring := self.bell.retired:
            self.bell.wish_away(self._keeper.wants.wishes())
        if self.bell.wishes or self._word.online is not True or self._is_due():
            self._arrived(self._keeper.run())
        self._failures, self._failure, self._seen = 0, None, monotonic()
        if retiring:
            raise Over
        self._judge_clock()
        self._poll_if_due()

    def _grace(self) -> float:
        """Seconds by which what is due by the clock may wait for what somebody wants now."""
        return self._rhythm.heartbeat if self.bell.wishes else 0

    def _is_due(self) -> bool:
        due = self._keeper.next_due()
        return due is not None and due <= monotonic()

    def _beat(self) -> None:
        """A phone that was restarted may have lost something; so may one that was away."""
        status = self._phone.status()
        uptime = status.uptime.total_seconds() if status.uptime else None
        if uptime is not None and self._uptime is not None and uptime < self._uptime:
            self._keeper.forget()
        self._uptime = uptime
        if status.clock:
            self._clock_off = status.clock.timestamp() - self._now()
        self._beat_at = monotonic() + self._rhythm.heartbeat

    def _judge_clock(self) -> None:
        trouble = self._keeper.clock_trouble()
        if self.zone and trouble is not None:
            self._clock.judge(self._clock_off, self.zone, trouble)

    def _arrived(self, identity: Identity) -> None:
        """After a pass. What is new is said once."""
        if self._asked or self._scan_at <= monotonic():
            self._scan_at = monotonic() + self._rhythm.scan * self._random.uniform(0.5, 1.0)
            self._scanned()
        self._word.count(self._phone.strangers)
        self._word.there(identity)
        self._word.trouble("wrong_box", there=False)
        self._word.trouble("push_suspended", there=self._keeper.suspended() > 0)
        self._word.trouble("phone_full", there=self._keeper.wants.without_room() > 0)

    def _scanned(self) -> None:
        """What somebody entered by hand goes, if it is to, and is counted again with the next pass;
        not again before the next scan, for a phone may not let it go (D15).
        """
        while self._asked:
            if check := self._asked[-1]:
                self._reports.checked(self.device, check, self._keeper.compared)
            self._asked.pop()
        with suppress(Rejected, Unsupported):
            if self._place.event_url:
                self._phone.report_to(self._place.event_url)
        with suppress(Rejected, Unsupported):
            if self._phone.strangers and self.on_strangers == "remove":
                self._word.count(self._phone.strangers)
                self._phone.withdraw_strangers()
                self._keeper.forget()

    def _poll_if_due(self) -> None:
        if self.bell.hinted or monotonic() >= self._poll_at + self._grace():
            self.bell.hinted = False
            self._poll_at = monotonic() + self._rhythm.heartbeat
            try:
                self._clock.show(self._poll(self.device, self._phone))
            except Failure:
                raise
            except Exception as trouble:  # the poller's own: credentials do not wait for it
                self._complain(trouble)

    def _rest(self) -> float:
        due = self._keeper.next_due()
        times = [self._beat_at, self._scan_at, self._poll_at, self._errands.next_due()]
        return max(0.0, min([*times, *([] if due is None else [due])]) - monotonic())

    def _failed(self, failure: Failure) -> float:
        self._keeper.forget()
        if self.bell.retired:
            raise Over
        self._failures += 1
        self._failure = str(failure)
        silent = monotonic() - max(self._started, self._seen or 0)
        lasting = self._failures > 1 and silent >= self._rhythm.offline_after
        if lasting or isinstance(failure, Locked | WrongBox):
            self._say_away(failure)
        pause = self._rhythm.first_retry * (1 << min(self._failures - 1, 16))
        return min(pause, self._rhythm.last_retry) * self._random.uniform(0.5, 1.0)

    def _say_away(self, failure: Failure) -> None:
        try:
            self._word.away(str(failure))
            self._word.trouble("wrong_box", there=isinstance(failure, WrongBox))
        except Exception as trouble:  # said again with the next failure
            self._complain(trouble)

    def _arrive(self) -> None:
        """At another box, if there is one."""
        if place := self.bell.take_place(self._keeper.wants.wishes()):
            self._phone.close()
            self._place, self._failures, self._started = place, 0, monotonic()
            self._seen, self._word = None, Word(self.device, self._reports, Known())
            self._clock = clocks.Watch(self.device, self._reports)
            self._errands.forget()
            self._begin(place, Ledger())

    def _begin(self, place: Place, ledger: Ledger) -> None:
        self._ledger = ledger
        self._phone, self._uptime, self._scan_at = place.connect(), None, 0.0
        self._keeper = Keeper(
            self._phone,
            place.mac,
            self,
            lambda outcomes: self._reports.synced(self.device, tuple(outcomes)),
            self._digest,
            ledger,
            self._rhythm.patience,
        )

    def _complain(self, trouble: Exception) -> None:
        """By its name only: a message may quote what is personal."""
        logger.error("lane", device=str(self.device), error=type(trouble).__name__)

    def _check_over(self) -> None:
        if self.bell.over:
            raise Over
