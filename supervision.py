"""supervisor over the Procfile: its configuration, and the questions we ask it while it runs."""

import os
import pwd
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any
from xmlrpc.client import ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from config import ROOT, Config
from eventlog.embedded import socket_folder

MARK = "GATEHOUSE_UP"
GROUP = "gatehouse"
POSTGRES, KAFKA = "postgres", "kafka"
SOCKET = "supervisor.sock"
PATIENCE = 20

HEAD = """\
; Written by `gatehouse up` at each start.
[supervisord]
nodaemon = true
silent = true
user = {user}
umask = 077
directory = {root}
pidfile = {run}/supervisord.pid
logfile = {log}/supervisord.log

[unix_http_server]
file = {socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

PROGRAM = """
[program:{name}]
command = {command}
autostart = {autostart}
autorestart = true
startretries = 1000000
priority = {priority}
stopsignal = {stopsignal}
stopwaitsecs = {stopwaitsecs}
stopasgroup = {stopasgroup}
killasgroup = true
redirect_stderr = true
stdout_logfile = {log}/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
"""


def tied(command: Iterable[str]) -> list[str]:
    """The command, ended by the kernel when its parent dies without a word (Linux)."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "TERM", *command] if setpriv else [*command]


def read_procfile(procfile: Path, variables: Mapping[str, str]) -> dict[str, list[str]]:
    """name -> command, its $VARIABLES filled in."""
    lines = [line for line in procfile.read_text().splitlines() if line and line[0] != "#"]
    split = [line.split(":", 1) for line in lines]
    return {name: shlex.split(Template(command).substitute(variables)) for name, command in split}


def configuration(config: Config, processes: Mapping[str, list[str]]) -> str:
    """PostgreSQL and Kafka start by themselves, first, and stop last; the rest when told to."""
    parts = [_head(config)]
    if config.embedded:
        # INT is PostgreSQL's fast shutdown; it goes to the postmaster, which tells its children.
        parts.append(_server(config, POSTGRES, stopsignal="INT"))
    if config.kafka:
        parts.append(_server(config, KAFKA, stopsignal="TERM"))
    parts += [_program(config, name, command) for name, command in processes.items()]
    group = f"\n[group:{GROUP}]\nprograms = {','.join(processes)}\npriority = 100\n"
    return "".join([*parts, group])


def _head(config: Config) -> str:
    user = pwd.getpwuid(os.geteuid()).pw_name
    paths = {"root": ROOT, "run": config.run, "log": config.log, "socket": socket(config)}
    return HEAD.format(user=user, **{name: _plain(path) for name, path in paths.items()})


def _server(config: Config, name: str, stopsignal: str) -> str:
    return PROGRAM.format(
        name=name,
        command=f"gatehouse {name}",
        log=_plain(config.log),
        autostart="true",
        priority=1,
        stopsignal=stopsignal,
        stopasgroup="false",
        stopwaitsecs=60,
    )


def _program(config: Config, name: str, command: list[str]) -> str:
    return PROGRAM.format(
        name=name,
        command=_plain(shlex.join(tied(command))),
        log=_plain(config.log),
        autostart="false",
        priority=100,
        stopsignal="TERM",
        stopasgroup="true",
        stopwaitsecs=15,
    )


def _plain(value: object) -> str:
    """supervisor expands % in every value, and takes ` ;` for a comment."""
    return str(value).replace("%", "%%").replace(" ;", ";")


def socket(config: Config) -> Path:
    # supervisor binds a longer name first: its own with a dot and a process id.
    return socket_folder(config.run, f"{SOCKET}.{2**22}") / SOCKET


@dataclass(frozen=True)
class Supervised:
    """One process as supervisor sees it; without one `pid` is 0."""

    name: str
    state: str
    pid: int
    uptime: int

    @property
    def runs(self) -> bool:
        return self.state == "running"

    def memory(self) -> int:
        """Bytes, of all that it started, too. What is shared (PostgreSQL's buffers) counts once,
        where the system can tell (Linux), which takes it some milliseconds for each process.
        """
        try:
            process = psutil.Process(self.pid)
            family = (process, *process.children(recursive=True))
            if sys.platform == "linux":
                return sum(each.memory_full_info().pss for each in family)
            return sum(each.memory_info().rss for each in family)
        except psutil.Error:
            return 0


class Supervisor:
    """The running supervisord of this installation; OSError when there is none."""

    def __init__(self, config: Config) -> None:
        self._socket = socket(config)

    def processes(self) -> list[Supervised]:
        return [_supervised(info) for info in self._call("getAllProcessInfo")]

    def answers(self) -> bool:
        try:
            return bool(self._call("getState"))
        except OSError:
            return False

    def start_all(self) -> None:
        self._call("startProcessGroup", GROUP, False)

    def _call(self, method: str, *arguments: object) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        with ServerProxy("http://localhost", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)


def _supervised(info: dict[str, Any]) -> Supervised:
    running = bool(info["pid"])
    return Supervised(
        name=info["name"],
        state=info["statename"].lower(),
        pid=info["pid"],
        uptime=info["now"] - info["start"] if running else 0,
    )


def strays(config: Config) -> list[psutil.Process]:
    """What an earlier `up` over this data left behind; nobody else carries its mark."""
    return [process for process in psutil.process_iter() if _marked(process, config)]


def _marked(process: psutil.Process, config: Config) -> bool:
    """Not so a zombie, which has no environment any more."""
    try:
        return process.environ().get(MARK) == str(config.data)
    except (psutil.Error, OSError):
        return False


def end_strays(config: Config) -> int:
    """End them, PostgreSQL after its clients and by its fast shutdown; how many there were."""
    found = strays(config)
    servers = {*(config.embedded.processes() if config.embedded else [])}
    _end([process for process in found if process.pid not in servers], signal.SIGTERM, config)
    _end([process for process in found if process.pid in servers], signal.SIGINT, config)
    return len(found)


def _end(processes: list[psutil.Process], how: signal.Signals, config: Config) -> None:
    _send(processes, how)
    deadline = time.monotonic() + PATIENCE
    while left := [process for process in processes if _marked(process, config)]:
        if time.monotonic() > deadline:
            _send(left, signal.SIGKILL)
        time.sleep(0.05)


def _send(processes: list[psutil.Process], what: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(what)
