"""Asks a phone whether it raised the emergency alarm: its event URL is unsigned (A28, S9).

A forged report must not open a community, so that the phone itself is asked, at the address that it
is registered with, by our login and after it has said who it is: are the contacts closed that the
fire panel is wired to?
"""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Thread
from time import monotonic
from typing import Final

from commands.bus import Dispatch
from commands.emergency import ReportAlarmCheck
from device_adapters.emergency.book import Book, Question
from device_adapters.emergency.hand import Connect
from device_adapters.emergency.port import Doors, Withdrawn
from device_adapters.emergency.telling import ADAPTER, insist
from device_adapters.port import Failure, Rejected, Unsupported, WrongBox
from domain.alarms import AlarmId
from domain.emergency import Finding
from domain.ids import CommunityId

ASKED_SECONDS: Final = 120.0  # for so long one that does not answer is asked again and again
AGAIN_SECONDS, BOUNCE_SECONDS = 2.0, 1.0


class Asking:
    """`ours`: whether we may speak to a community's phones now. One thread for each alarm."""

    def __init__(
        self,
        book: Book,
        dispatch: Dispatch,
        connect: Connect,
        ours: Callable[[CommunityId], bool],
        again: float = AGAIN_SECONDS,
    ) -> None:
        self._book, self._dispatch, self._connect = book, dispatch, connect
        self._ours, self._again = ours, again
        self._asked = set[AlarmId]()

    def look(self, stop: Flag) -> None:
        """Begin to ask about what was not asked about yet."""
        for question in self._book.questions(datetime.now(UTC)):
            if question.alarm not in self._asked and self._ours(question.community):
                self._asked.add(question.alarm)
                Thread(target=self._pursue, args=(question, stop), daemon=True).start()

    def _pursue(self, question: Question, stop: Flag) -> None:
        """That it cannot be asked is said once, for another phone may bear it out."""
        said, until = False, monotonic() + ASKED_SECONDS
        while not stop.is_set() and monotonic() < until:
            finding, reason = self._finding(question)
            if finding != "silent" or not said:
                said = insist(lambda f=finding, r=reason: self._say(question, f, r), stop)  # type: ignore[misc]
            if finding != "silent":
                return
            stop.wait(self._again)

    def _say(self, question: Question, finding: Finding, reason: str) -> None:
        check = ReportAlarmCheck(
            alarm=question.alarm,
            device=question.device.device,
            finding=finding,
            reason=reason,
            heard_at=question.heard_at,
        )
        self._dispatch(check, community=question.community, actor=ADAPTER)

    def _finding(self, question: Question) -> tuple[Finding, str]:
        def may() -> None:
            if not self._ours(question.community):
                raise Withdrawn

        phone = self._connect(question.device, may)
        try:
            return answer(phone, question)
        except (Unsupported, Rejected):
            return "silent", "the phone cannot say whether its contacts are closed"
        except Failure as failure:
            return "silent", str(failure)
        except Withdrawn:
            return "silent", "the phone is another process's"
        finally:
            phone.close()


def answer(phone: Doors, question: Question) -> tuple[Finding, str]:
    if (mac := phone.identify().mac) != question.device.box.mac:
        raise WrongBox(f"{mac} answers instead of {question.device.box.mac}")
    for pause in (BOUNCE_SECONDS, 0.0):
        inputs = phone.inputs()
        closed = {number for number, is_closed in inputs.items() if is_closed}
        if closed & (question.inputs or inputs.keys()):
            return "confirmed", f"closed contacts: {', '.join(map(str, sorted(closed)))}"
        Flag().wait(pause)
    return "denied", "no contact is closed"
