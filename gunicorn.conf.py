"""What the command line in the Procfile cannot say."""

import gc
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from eventlog.unprivileged import end_with_parent
from observing import logging_of

# Workers count in files of a folder of this start, so that any of them can tell for all. They are
# mapped, and a full disk kills whoever counts in one that is on it (K6): so in memory, if may be.
MEMORY = Path("/dev/shm")  # a folder of our own in it  # noqa: S108
SHARED = Path(mkdtemp(prefix="gatehouse-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(SHARED)
if DATA := os.environ.get("DATA"):
    place = Path(DATA).resolve() / "run" / "metrics"  # of the last start, which was perhaps killed
    shutil.rmtree(place.resolve(), ignore_errors=True)
    with suppress(OSError):
        place.unlink(missing_ok=True)
        place.symlink_to(SHARED)

ITS_OWN = {"level": "INFO", "handlers": ["out"], "propagate": False}
logconfig_dict = {**logging_of("web"), "loggers": {"gunicorn.error": ITS_OWN}}


def on_starting(_server: object) -> None:
    """What the workers import is there before they are forked: they share it, and start at once."""
    import bootstrap.web  # noqa: F401 - not before PROMETHEUS_MULTIPROC_DIR says how to count

    gc.freeze()


def post_fork(_server: object, _worker: object) -> None:
    """A worker does not outlive its master.

    gunicorn's own way takes up to 30 seconds, in which the kernel still gives every other new
    connection to a listener that nobody accepts from (K1).
    """
    end_with_parent(signal.SIGKILL)
    gc.set_threshold(20_000, 50, 20)  # a large sheet or page has no cycles to look for at each turn


def child_exit(_server: object, worker: Any) -> None:
    from prometheus_client import multiprocess  # chooses how to count when it is imported

    multiprocess.mark_process_dead(worker.pid)


def on_exit(_server: object) -> None:
    shutil.rmtree(SHARED, ignore_errors=True)
