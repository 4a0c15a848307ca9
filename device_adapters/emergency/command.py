"""`gatehouse emergency`, also `python -m device_adapters.emergency`: needs no PostgreSQL (D14)."""

import sys
from collections.abc import Callable
from functools import partial
from getpass import getuser
from socket import gethostname
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from config import Config
    from device_adapters.emergency.snapshot import Snapshot

FOLDER, STALE_SECONDS = "emergency", 300
F = Callable[..., Any]


@click.group()
def emergency() -> None:
    """Break glass: unlock or lock doors from this host.

    Also without PostgreSQL. Doors are reached directly, from the snapshot that the adapters of this
    host keep in DATA/emergency (sealed with KEK_FILE). The order is on disk before anything is
    done; as soon as PostgreSQL answers, the adapters import it into the log, once, with all that
    was found.

    \b
    gatehouse emergency status
    gatehouse emergency unlock --all
    gatehouse emergency unlock --community "Harbour Quarter" --door "Front gate" --door Garage:2
    gatehouse emergency lock --all
    """


def asked(command: F) -> F:
    for option in reversed(
        [
            click.option("--community", help="Its name or id; needed if there are several."),
            click.option(
                "--door",
                "doors",
                multiple=True,
                metavar="NAME[:RELAY]",
                help="A phone or a relay, by its name or id; repeatable.",
            ),
            click.option("--all", "everything", is_flag=True, help="All doors of the community."),
            click.option(
                "--wait",
                default=60.0,
                show_default=True,
                metavar="SECONDS",
                help="How long to go on trying what does not answer.",
            ),
        ]
    ):
        command = option(command)
    return command


@emergency.command()
@asked
@click.option("--drill", is_flag=True, help="The report will say that it was one.")
def unlock(**given: Any) -> None:
    """Hold doors open until they are locked.

    Without --door or --all those of the emergency door group. Prints what happened at each door,
    and is over when all are open and read back. The exit status is 1 if some are not, 2 if nothing
    was done.
    """
    break_glass(opens=True, **given)


@emergency.command()
@asked
def lock(**given: Any) -> None:
    """Shut doors, and give them back to their phones; else as `unlock`."""
    break_glass(opens=False, drill=False, **given)


@emergency.command()
def status() -> None:
    """What this host knows without PostgreSQL.

    How old it is, its doors, and what waits to be imported.
    """
    from device_adapters.emergency import spool

    config, known = ready()
    for community in known.communities:
        click.echo(f"{community.name} ({community.id}): {len(community.devices)} door phones")
        for device in community.devices:
            doors = ", ".join(f"{relay.number} {relay.name}" for relay in device.relays)
            click.echo(f"  {device.name} at {device.box.address}: {doors}")
    waiting = list(spool.spooled(config.data / FOLDER / spool.NAME))
    for one in waiting:
        what = "unlock" if one.given.order.open else "lock"
        click.echo(f"waits for PostgreSQL: {what} of {one.given.given_at:%Y-%m-%d %H:%M:%S} UTC")
    click.echo(f"{len(waiting)} orders wait to be imported")


def break_glass(*, opens: bool, community: str | None, wait: float, **given: Any) -> None:
    from device_adapters.akuvox.doors import doors_of
    from device_adapters.emergency.glass import Ask, Unclear, give

    config, known = ready()
    by = f"break-glass {getuser()}@{gethostname()}"
    ask = Ask(open=opens, community=community, by=by, wait=wait, **given)
    try:
        done = give(
            ask,
            known,
            config.data / FOLDER,
            partial(doors_of, paced=config.device_pace),
            click.echo,
        )
    except (Unclear, OSError) as unclear:
        refuse(str(unclear))
    sys.exit(not done)


def ready() -> "tuple[Config, Snapshot]":
    """The configuration and the snapshot, or the end with exit status 2."""
    from config import Config, Unsafe
    from device_adapters.emergency import snapshot
    from eventlog.sealing import Master

    config = Config.from_env()
    try:
        known = snapshot.read(config.data / FOLDER, Master(config.kek()))
    except (Unsafe, snapshot.NoSnapshot, OSError) as failure:
        refuse(str(failure))
    age = snapshot.age(known)
    click.echo(f"snapshot of {known.written_at:%Y-%m-%d %H:%M:%S} UTC, {age:.0f} s old")
    if age > STALE_SECONDS:
        click.echo("  doors that were added or replaced since then are not known here")
    return config, known


def refuse(reason: str) -> NoReturn:
    click.echo(reason, err=True)
    sys.exit(2)
