"""K6: the disk is full, and then it is not."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.chaos.arena import an_arena
from tests.chaos.result import Result
from tests.running.canary import timed
from tests.running.installation import Installation

DISK = "400m"
PIECE_BYTES = 1 << 18


class SmallDisk(Installation):
    """All of its data, logs and keys too, lie on a disk of their own."""

    def prepare(self) -> None:
        self.data.mkdir(mode=0o755)
        run("mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0755", "gatehouse-chaos", self.data)

    def stop(self) -> None:
        try:
            super().stop()
        finally:
            run("umount", "--lazy", self.data)


def run(*command: str | Path) -> None:
    subprocess.run([*map(str, command)], check=True, capture_output=True)  # noqa: S603


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Ballast takes all that there is; whoever is at work takes what it may still find."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(PIECE_BYTES)):
            pass
    try:
        yield
    finally:
        ballast.unlink()


def why_not() -> str:
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root, to mount a small disk"
    return "" if shutil.which("mount") else "needs mount"


def disk_full(seconds: float, seed: int) -> Result:
    """Twice: clients go on asking, nothing that was acknowledged is lost, it recovers alone."""
    if reason := why_not():
        return Result(skipped=reason)
    result = Result()
    with an_arena(SmallDisk) as arena, arena.at_work(result):
        for _ in range(2):
            with full(arena.running.data):
                time.sleep(seconds / 2)
                result.kills += 1
            result.heals += timed(arena.canary.sing)
    return result
