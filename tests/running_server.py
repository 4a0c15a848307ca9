"""An embedded PostgreSQL that a test may kill and start again, and a folder it can reach."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from eventlog.embedded import EmbeddedServer

SCRIPT = """
from pathlib import Path
from sys import argv
from eventlog.embedded import EmbeddedServer
EmbeddedServer(Path(argv[1]), durable=argv[2] == "True").exec()
"""


DISK, MEMORY = Path("/tmp"), Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
ENOUGH = 4 * 2**30  # for a server of each process that runs tests, and a broker


def in_memory() -> Path:
    """For what need not outlive the machine: half the work of making a database is the disk's."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH
    return MEMORY if roomy else DISK


@contextmanager
def a_folder(where: Path = DISK) -> Iterator[Path]:
    """In /tmp itself: pytest's folders are closed to the user that PostgreSQL runs as."""
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-", dir=where))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@dataclass
class RunningServer:
    """`process` is the postmaster; what it says goes to the file `log`."""

    server: EmbeddedServer
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        with self.log.open("ab") as log:
            arguments = [str(self.server.data), str(self.server.durable)]
            command = [sys.executable, "-c", SCRIPT, *arguments]
            self.process = subprocess.Popen(command, stderr=log)  # noqa: S603
        self.server.wait_ready()

    def kill(self) -> None:
        """kill -9 of the postmaster alone; its children find out by themselves."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
