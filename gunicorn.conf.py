"""What the command line in the Procfile cannot say."""

import signal

from eventlog.embedded import end_with_parent


def post_fork(_server: object, _worker: object) -> None:
    """A worker does not outlive its master.

    gunicorn's own way takes up to 30 seconds, in which the kernel still gives every other new
    connection to a listener that nobody accepts from (K1).
    """
    end_with_parent(signal.SIGKILL)
