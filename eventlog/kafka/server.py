"""Apache Kafka without an administrator: jars that Maven brings, and one data folder.

One node, on loopback only, and without passwords: whoever is on this machine may use it.
"""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NoReturn
from uuid import uuid4

from eventlog.kafka.broker import Broker
from eventlog.unprivileged import (
    SYSTEM_HOME,
    ServerFailed,
    as_runner,
    become,
    give,
    open_folder,
    reachable,
    runner,
    show_all,
)

POM: Final = Path(__file__).with_name("pom.xml")
HOST: Final = "127.0.0.1"
JAVA: Final = ["-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
SETTINGS: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # What the cleaner asks for by itself does not fit into so small a heap.
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.cleaner.io.buffer.size": "262144",
    # A killed broker waits at its next start until its last life counts as over.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "400",
}


@dataclass(frozen=True)
class KafkaServer:
    """`data` is Kafka's alone; it takes `port` and the next one. `more` goes over SETTINGS."""

    data: Path
    port: int = 9092
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def broker(self) -> Broker:
        return Broker(servers=f"{HOST}:{self.port}")

    def settings(self, log: Path) -> Mapping[str, str]:
        here, controller = f"PLAINTEXT://{HOST}:{self.port}", f"{HOST}:{self.port + 1}"
        return {
            **SETTINGS,
            "listeners": f"{here},CONTROLLER://{controller}",
            "advertised.listeners": here,
            "controller.quorum.voters": f"1@{controller}",
            "log.dirs": str(log),
            **self.more,
        }

    def command(self, main: str, *arguments: str) -> list[str]:
        return [java(), *JAVA, "-cp", f"{jars()}/*", main, *arguments]

    def initialise(self) -> None:
        """Make the data folder completely or not at all; the settings are written anew."""
        open_folder(self.data.parent)
        self.data.mkdir(mode=0o700, exist_ok=True)
        _give_all(self.data)
        if not (log := self.data / "log").exists():
            draft = self.data / "log.new"
            shutil.rmtree(draft, ignore_errors=True)
            # One id in 64 begins with a dash: it would pass for an option if it stood alone.
            id = f"--cluster-id={urlsafe_b64encode(uuid4().bytes).decode().rstrip('=')}"
            settings = str(self._write(self.settings(draft)))
            _run(
                self.command("kafka.tools.StorageTool", "format", id, "-c", settings),
                **as_runner(),
            )
            draft.rename(log)
        self._write(self.settings(log))

    def _write(self, settings: Mapping[str, str]) -> Path:
        file = self.data / "server.properties"
        file.touch(mode=0o600)
        give(file)
        file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return file

    def exec(self) -> NoReturn:
        """Become the server, in the foreground, for as long as the parent lives."""
        self.initialise()
        become(self.command("kafka.Kafka", str(self.data / "server.properties")), signal.SIGTERM)

    def wait_ready(self, timeout: float = 60) -> None:
        """Its port opens when it is ready."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ServerFailed(f"Kafka in {self.data} does not answer") from error
                time.sleep(0.05)
            else:
                return


def java() -> str:
    if found := shutil.which("java"):
        return found
    raise ServerFailed("Apache Kafka needs Java 17: apt-get install openjdk-17-jre-headless")


def jars() -> Path:
    """Kafka's jars as pom.xml names them, fetched once for every installation of this user, and
    copied once if the server's user cannot get there.
    """
    home = _fetched()
    if os.geteuid() != 0 or reachable(home):
        return home
    show_all({Path(): home}, SYSTEM_HOME / "binaries" / home.name)
    return SYSTEM_HOME / "binaries" / home.name


def _fetched() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatehouse"
    home = cache / f"kafka-{sha256(POM.read_bytes()).hexdigest()[:12]}"
    if not home.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "kafka.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not home.exists():
                _fetch(home)
    return home


def _fetch(home: Path) -> None:
    if not (maven := shutil.which("mvn")):
        raise ServerFailed("Apache Kafka's jars are brought by Maven: apt-get install maven")
    draft = home.with_name(f"{home.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    options = ["-DincludeScope=runtime", f"-DoutputDirectory={draft}"]
    _run([maven, "-B", "-q", "-f", str(POM), "dependency:copy-dependencies", *options])
    draft.rename(home)


def _give_all(data: Path) -> None:
    """To the user that it runs as; an earlier release ran it as root."""
    give(data)
    for path in data.rglob("*"):
        if path.lstat().st_uid != runner().pw_uid:
            os.chown(path, runner().pw_uid, runner().pw_gid, follow_symlinks=False)


def _run(command: list[str], **how: Any) -> None:
    done = subprocess.run(command, text=True, capture_output=True, check=False, **how)  # noqa: S603
    said = (done.stderr + done.stdout).strip()
    if "UnsupportedClassVersionError" in said:
        raise ServerFailed("Apache Kafka needs Java 17 or newer: another `java` comes first")
    if done.returncode:
        raise ServerFailed(f"{command[0]} failed: {said or 'no word'}")
