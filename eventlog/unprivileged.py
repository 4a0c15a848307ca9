"""Who a server of ours runs as: a user without rights, even where root starts it.

For root that is a system user, made on first need, to whom a server's folders are handed; for
anybody else it is himself.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

SYSTEM_USER = "gatehouse"
SYSTEM_HOME = Path("/var/lib/gatehouse")
PR_SET_PDEATHSIG = 1


class ServerFailed(Exception):
    """A server could not be prepared or started; the message is for the operator."""


def place(data: Path, name: str) -> Path:
    """Where a server keeps its files for the installation in `data`.

    Below it, unless root started us and the unprivileged user cannot get there.
    """
    inside = data / name
    if os.geteuid() != 0 or inside.exists() or reachable(data):
        return inside
    return SYSTEM_HOME / f"{sha256(bytes(data)).hexdigest()[:12]}-{name}"


def reachable(path: Path) -> bool:
    """Whether everybody may enter each folder on the way (as far as it exists already)."""
    return all(p.stat().st_mode & 0o001 for p in (path, *path.parents) if p.exists())


@cache
def runner() -> pwd.struct_passwd:
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    with suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    home = ["--home-dir", str(SYSTEM_HOME), "--shell", "/usr/sbin/nologin"]
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not useradd:
        raise ServerFailed(f"root cannot run a server: make a user named {SYSTEM_USER}")
    subprocess.run([useradd, "--system", *home, SYSTEM_USER], check=False, capture_output=True)  # noqa: S603
    return pwd.getpwnam(SYSTEM_USER)


def as_runner() -> dict[str, Any]:
    """What makes a child of root's the unprivileged user; nothing for anybody else."""
    if os.geteuid() != 0:
        return {}
    return {"user": runner().pw_uid, "group": runner().pw_gid, "extra_groups": []}


def become(command: list[str], ending: signal.Signals) -> NoReturn:
    """Replace this process by a server's, for as long as the parent lives."""
    user = runner()
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    end_with_parent(ending)
    os.chdir("/")
    os.execv(command[0], command)  # noqa: S606


def end_with_parent(how: signal.Signals) -> None:
    """This signal when the parent is gone (Linux; elsewhere the next start waits for it)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, how)


def give(folder: Path) -> None:
    """Hand a folder to the server's user; a stranger's folder of that name is refused."""
    if os.geteuid() == 0:
        os.chown(folder, runner().pw_uid, runner().pw_gid, follow_symlinks=False)
    found = folder.lstat()
    if found.st_uid != runner().pw_uid or found.st_mode & 0o077 or folder.is_symlink():
        raise ServerFailed(f"{folder} belongs to somebody else")


def open_folder(folder: Path) -> None:
    """Make it, and those above it, so that everybody may enter, whatever the umask."""
    if not folder.exists():
        open_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)


def show_all(parts: Mapping[Path, Path], to: Path) -> None:
    """Copy folders once to where everybody can read them: `parts` are places below it, and what
    lies there.
    """
    if to.exists():
        return
    open_folder(to.parent)
    draft = to.with_name(f"{to.name}.{os.getpid()}")
    for place, source in parts.items():
        shutil.copytree(source, draft / place, symlinks=True, dirs_exist_ok=True)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    try:
        draft.rename(to)
    except OSError:  # another start was faster
        shutil.rmtree(draft)
