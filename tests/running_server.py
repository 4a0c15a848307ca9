"""An embedded PostgreSQL that a test may kill and start again."""

import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from eventlog.embedded import EmbeddedServer

SCRIPT = """
from pathlib import Path
from sys import argv
from eventlog.embedded import EmbeddedServer
EmbeddedServer(Path(argv[1]), durable=argv[2] == "True").exec()
"""


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
