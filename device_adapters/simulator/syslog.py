"""Lines that a phone sends to a syslog server, as SmartYard-Server reads them [SY] (S17)."""

import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from device_adapters.simulator.caller import is_loopback

Emit = Callable[[str, int, str], None]
PRIORITY = 14  # user, informational [G]
# RF, PIN and INPUT are [SY]; the others [G].
TYPES = {
    "card": "RF",
    "pin": "PIN",
    "input": "INPUT",
    "face": "FACE",
    "qr": "QR",
    "plate": "PLATE",
    "uhf": "UHF",
    "api": "HTTP",
}
MOTION = "start motion"


def line(local: datetime, tag: str, message: str) -> str:
    """RFC 3164; the time is the phone's own, without a zone."""
    return f"<{PRIORITY}>{local:%b} {local.day:2} {local:%H:%M:%S} {tag}: {message}"


def opened(kind: str, code: str, relays: str, *, well: bool) -> str:
    """Of a door that opened or did not, with the raw code."""
    status = "Successful" if well else "Failed"
    return f"OPENDOOR_LOG:Type:{TYPES[kind]} KeyCode:{code} Relay:{relays or 0} Status:{status}"


def called(number: str, call_id: int) -> tuple[str, str]:
    """Of a call that was made, and is over."""
    return f"SIP_LOG:MakeCall-{number}", f"SIP_LOG:Call Finished, callid={call_id}"


def send(host: str, port: int, text: str) -> None:
    """By UDP: nobody hears whether it came. To loopback only, as action URLs."""
    if not is_loopback(host):
        return
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(text.encode(), (host, port))
