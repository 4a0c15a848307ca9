"""What was said of a phone, to be said again only when it changes."""

import structlog

from device_adapters.port import Identity
from device_adapters.terms import Known, Reports
from domain.alarms import AlarmKind
from domain.ids import DeviceId

log = structlog.get_logger()


class Word:
    """`online` is None as long as it was neither reached nor missed. Every method may raise what
    Reports do; then it was not said."""

    def __init__(self, device: DeviceId, reports: Reports, known: Known) -> None:
        self._device, self._reports = device, reports
        self.online, self._firmware, self.strangers = known.online, known.firmware, known.strangers
        self._troubles = set[AlarmKind]()

    def there(self, identity: Identity) -> None:
        if self.online is not True or self._firmware != identity.firmware:
            self._reports.online(self._device, identity.firmware)
            self.online, self._firmware = True, identity.firmware

    def away(self, reason: str) -> None:
        if self.online is not False:
            self._reports.offline(self._device, reason)
            self.online = False

    def count(self, strangers: int) -> None:
        """D15: records that somebody entered by hand."""
        if strangers != self.strangers:
            log.warning("records entered by hand", device=str(self._device), records=strangers)
            self._reports.strangers(self._device, strangers)
            self.strangers = strangers

    def trouble(self, kind: AlarmKind, *, there: bool) -> None:
        """Somebody must look into it; said once until it is over."""
        if there and kind not in self._troubles:
            self._reports.trouble(self._device, kind)
            self._troubles.add(kind)
        if not there:
            self._troubles.discard(kind)
