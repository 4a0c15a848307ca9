"""The `gatehouse` command: thin, and quick to say what it can do."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from device_adapters.emergency.command import emergency


def _bootstrap() -> Any:
    """The product itself takes a second to import: only a command that needs it does."""
    return import_module("bootstrap")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="gatehouse")
def gatehouse() -> None:
    """Gatehouse: who may open which door, when, with what, and the proof of it.

    Start with `gatehouse up`. Settings come from the environment: PORT, DATA, DATABASE_URL,
    KEK_FILE, DEVICE_NETWORKS, KAFKA_BOOTSTRAP (docs/operating.md tells what each does).
    """


@gatehouse.command()
def up() -> None:
    """Start everything and keep it running; Ctrl-C stops it.

    Starts a PostgreSQL of its own (unless DATABASE_URL names one), brings its schema up to date,
    starts each process of the Procfile and starts again what dies. Prints the address and an API
    token when ready. DEMO=1 adds a fleet of simulated door phones.
    """
    from config import Config
    from running import Work, up

    bootstrap = _bootstrap()
    up(
        Config.from_env(),
        Work(
            migrate=bootstrap.migrate,
            token=lambda: bootstrap.make_token("installer", "up", (), replace=True),
            topics=bootstrap.apply_topics,
            demo=bootstrap.seed_demo,
        ),
    )


@gatehouse.command()
def status() -> None:
    """Show what runs, how far all is, and what waits.

    Processes with their memory, each read model, which phones and locks are online.
    The exit status is 1 if nothing runs.
    """
    from config import Config
    from status import show

    sys.exit(not show(Config.from_env(), _bootstrap().status))


@gatehouse.group()
def token() -> None:
    """API tokens: what a program or a person shows to be let in."""


@token.command("create")
@click.option(
    "--role",
    type=click.Choice(["installer", "manager"]),
    default="manager",
    show_default=True,
    help="An installer opens communities and may touch those; a manager those it is given.",
)
@click.option("--name", required=True, help="Whose it is; the operation log will say so.")
@click.option(
    "--community",
    "communities",
    type=click.UUID,
    multiple=True,
    help="Id of a community that it may touch; repeatable, a manager needs one.",
)
def create_token(role: str, name: str, communities: tuple[UUID, ...]) -> None:
    """Make an API token and print it, this once: only its hash is kept.

    \b
    gatehouse token create --name "Harbour office" --community c2195014-af4f-5eb7-8eee-b6c1a41dc709

    Send it with each request as `Authorization: Bearer TOKEN`. The same role and name is the same
    account: communities that are given replace those that it had.
    """
    if role == "manager" and not communities:
        raise click.UsageError("a manager needs a --community; `GET /api/v1/communities` has ids")
    click.echo(_bootstrap().make_token(role, name, communities))


@token.command("revoke")
def revoke_token() -> None:
    """End an API token: the next request with it is refused.

    Asks for it without showing it, or reads it from a pipe.
    """
    shown = sys.stdin.isatty()
    ended = _bootstrap().end_token(click.prompt("token", hide_input=shown))
    click.echo("revoked" if ended else "no such token is in force")
    sys.exit(not ended)


@gatehouse.command()
def migrate() -> None:
    """Bring the database's schema and roles up to date.

    Safe to repeat, and safe at the same time.
    """
    _bootstrap().migrate()
    click.echo("the schema is up to date")


@gatehouse.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="PostgreSQL's own folder; by default the one below DATA.",
)
def postgres(data: Path | None) -> None:
    """Run the embedded PostgreSQL alone, in the foreground.

    The first start prepares its folder. It listens only on a Unix socket inside that folder.
    Started by root, it runs as the system user `gatehouse`.
    """
    from config import Config
    from eventlog.embedded import EmbeddedServer

    server = EmbeddedServer(data.resolve()) if data else Config.from_env().embedded
    if server is None:
        raise click.UsageError("DATABASE_URL names another server; say --data to run one anyway")
    server.exec()


@gatehouse.command()
def kafka() -> None:
    """Run an Apache Kafka of one node, in the foreground.

    The first start prepares it below DATA. Asks for KAFKA=1. It takes KAFKA_PORT (9092) and the
    next port of 127.0.0.1, needs Java 17, and the first time Maven, which brings its jars. `make
    run KAFKA=1` connects everything to it.
    """
    from config import Config

    server = Config.from_env().kafka
    if server is None:
        raise click.UsageError("say KAFKA=1, and no KAFKA_BOOTSTRAP, which names another broker")
    server.exec()


@gatehouse.group()
def topics() -> None:
    """What Kafka keeps the stream in."""


@topics.command("apply")
def apply_topics() -> None:
    """Make the topics, and mend those that are otherwise.

    As eventlog/kafka/topics.toml has them. Prints each difference; safe to repeat. Partitions are
    never changed: keys would move.
    """
    done = list(_bootstrap().apply_topics())
    for said in done or ["the topics are as they should be"]:
        click.echo(said)


@gatehouse.group()
def relay() -> None:
    """The way of the logs to Kafka.

    The process itself is `gatehouse run relay`.
    """


@relay.command("audit")
def audit_relay() -> None:
    """Compare what the topics hold with the logs, record by record.

    Prints what is missing, twice, or other than the log has it; the exit status is 1 if anything
    is. What the topics let go by age, and what is not yet relayed, is counted and no difference.
    """
    differences = _bootstrap().audit_stream(click.echo)
    click.echo(f"{differences} differences")
    sys.exit(bool(differences))


@relay.command("replay")
@click.option("--from", "first", type=click.IntRange(1), required=True, help="A position.")
@click.option(
    "--log",
    "name",
    type=click.Choice(["events", "reports"]),
    default="events",
    show_default=True,
    help="Which of the two logs.",
)
def replay(first: int, name: str) -> None:
    """Have all from a position on published once more.

    For who has lost it. The running relay does it, or the next that starts. These records are
    marked (gh-replayed), carry on the sequence of their partition, and change nothing for who
    remembers positions.
    """
    click.echo(_bootstrap().replay_stream(name, first))


@gatehouse.group()
def device() -> None:
    """What is on the door phones.

    The process that keeps them is `gatehouse run adapters`.
    """


@device.command("check")
@click.argument("wanted", metavar="DEVICE", required=False)
@click.option("--all", "everything", is_flag=True, help="All phones and locks of all communities.")
@click.option("--wait", default=120.0, show_default=True, help="Seconds to wait for them.")
def check_device(wanted: str | None, everything: bool, wait: float) -> None:
    """Compare what DEVICE holds with what it should, now.

    DEVICE is a phone or lock, by its id or name; all its records are compared. Works from any host:
    the adapters are asked by the log. What is not as it should be is set right and counted; what
    somebody entered at the device itself is counted. The exit status is 1 if anything had to be set
    right or a device did not answer; it is then compared when it does.
    """
    if bool(wanted) == everything:
        raise click.UsageError("either DEVICE or --all")
    sys.exit(not _bootstrap().check_devices(wanted, wait, click.echo))


@gatehouse.group()
def dlq() -> None:
    """Records of the stream that somebody could not read."""


@dlq.command("list")
def list_dead_letters() -> None:
    """Print where each lay, why it was not read and by whom.

    Where: topic/partition@offset. What it holds is never shown. The exit status is 1 if there is
    any.
    """
    letters = list(_bootstrap().dead_letters())
    for letter in letters:
        click.echo(letter)
    click.echo(f"{len(letters)} dead letters")
    sys.exit(bool(letters))


@dlq.command("redrive")
def redrive() -> None:
    """Have the log's own record of each published once more.

    Where this release can read it. They are marked (gh-replayed), carry on the sequence of their
    partition, and change nothing for who remembers positions. What is in no log stays in the list.
    Safe to repeat.
    """
    went, stayed = _bootstrap().redrive()
    click.echo(f"{went} published again, {stayed} cannot be")


@gatehouse.command()
@click.argument("name")
def rebuild(name: str) -> None:
    """Build the read model NAME anew from the log.

    Beside the live one, then in its place: reads and writes go on. The log itself never changes.
    """
    from rich.progress import Progress

    with Progress() as progress:
        task = progress.add_task(f"rebuilding {name}", total=None)
        _bootstrap().rebuild(
            name, lambda done, total: progress.update(task, completed=done, total=total)
        )


@gatehouse.group()
def audit() -> None:
    """Check what is stored against the log."""


@audit.command("claims")
def audit_claims() -> None:
    """Compare what is taken with what the log says.

    Every PIN, card and plate. Prints each difference; the exit status is 1 if there is one.
    """
    differences = list(_bootstrap().audit_claims())
    for difference in differences:
        click.echo(difference)
    click.echo(f"{len(differences)} differences")
    sys.exit(bool(differences))


@gatehouse.group()
def log() -> None:
    """The operation history: every event in its order."""


@log.command("tail")
@click.option("--after", default=None, type=int, help="Begin after this position.")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Wait for more.")
def tail(after: int | None, follow: bool) -> None:
    """Print events as they are recorded: position, time, type, stream. Personal fields stay sealed.

    Without --after it begins with the last ten.
    """
    for line in _bootstrap().tail(after, follow):
        click.echo(line)


@gatehouse.command()
@click.argument("name")
def run(name: str) -> None:
    """Run one process of the Procfile.

    NAME is projector, adapters, reactions or relay.
    """
    _bootstrap().run(name)


gatehouse.add_command(emergency)


@gatehouse.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def sim(args: tuple[str, ...]) -> None:
    """Simulated door phones that speak the real protocol.

    `gatehouse sim --help` tells more.
    """
    command: Callable[..., object] = import_module("device_adapters.simulator.cli").sim
    command(args=list(args), prog_name="gatehouse sim")


def main() -> None:
    try:
        gatehouse()
    except Exception as error:
        if not isinstance(error, _expected()):
            raise
        sys.exit(f"gatehouse: {_said(error)}")


def _said(error: Exception) -> str:
    """In one line. `gatehouse up` gives PostgreSQL; without it nothing else can be asked."""
    match type(error).__name__, error.args:
        case "Unavailable", _:
            return "the database cannot be reached: `gatehouse up` starts it"
        case (("OperationalError" | "ConnectionTimeout"), _):
            return f"the database cannot be reached: {str(error).splitlines()[0]}"
        case "Malformed", (field, message):
            return f"{field}: {message}"
        case _, (str(said),) if isinstance(error, LookupError):
            return said  # a KeyError would quote it
        case "UnknownTopicOrPartitionError", (said,):
            return f"{said}: `gatehouse topics apply` makes what is missing"
    if type(error).__module__ == "kafka.errors":
        return f"Kafka does not do it: {error}"
    return str(error) or " ".join(map(str, vars(error).values()))


def _expected() -> tuple[type[Exception], ...]:
    """What its message explains well enough; imported only now, so that --help stays quick."""
    from environs import EnvError
    from kafka.errors import KafkaError
    from psycopg import OperationalError

    from config import Unsafe
    from domain.kernel import Malformed, Refused
    from eventlog.kafka.topics import NotApplied
    from eventlog.migrations import Reshaped
    from eventlog.port import Unavailable
    from eventlog.unprivileged import ServerFailed
    from running import NotStarted

    ours = (Unsafe, ServerFailed, NotStarted, Unavailable, Malformed, Refused, NotApplied, Reshaped)
    return (*ours, KafkaError, OperationalError, EnvError, OSError, LookupError)


if __name__ == "__main__":
    main()
