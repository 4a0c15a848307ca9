"""A relay that falls asleep (SIGSTOP) in its third transaction, when all is sent but the commit."""

import os
import signal
from collections.abc import Callable
from itertools import count
from typing import Any

from eventlog.kafka import relay

TIMEOUT_MS = 1_000
in_time, _commits = relay.in_time, count(1)


def acted(act: Callable[..., Any], *given: Any) -> Any:
    if act.__name__ == "commit_transaction" and next(_commits) == 3:
        os.kill(os.getpid(), signal.SIGSTOP)
    return in_time(act, *given)


def install() -> None:
    relay.in_time = acted
    relay.WRITING["transaction_timeout_ms"] = TIMEOUT_MS
