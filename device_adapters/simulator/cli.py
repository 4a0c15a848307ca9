"""The `sim` commands: start simulated door phones, stand at their doors, make them fail."""

import asyncio
import json
import signal
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from typing import Any

import click

from device_adapters.locks.cli import locks
from device_adapters.simulator.control import ACTS
from device_adapters.simulator.doorway import SENSED
from device_adapters.simulator.faults import REAL_PACE, STANDING
from device_adapters.simulator.fleet import Access, Fleet
from device_adapters.simulator.people import come_and_go
from device_adapters.simulator.profiles import MODELS
from device_adapters.simulator.storage import Unreadable
from device_adapters.simulator.weather import brew, forecast

Life = Coroutine[Any, Any, None]


def shown(value: object) -> str:
    """As somebody would type it."""
    return value if isinstance(value, str) else json.dumps(value).removesuffix(".0")


FAULTS = "\n".join(
    [
        "\b",
        "Lasting, until `off` or `clear` (KEY=VALUE is what it is if you say none):",
        *(
            f"  {name:<19}{fault.parameter}={shown(fault.default)}\n  {'':<19}{fault.what}"
            for name, fault in STANDING.items()
        ),
        "",
        "\b",
        "At once:",
        "  factory_reset      forgets all but how it is reached",
        "  backup             keeps what it holds now, for",
        "  restore_backup     which brings that back",
        "  reboot             seconds=3 of it",
        "  lose_log           rows=N of the door log, the oldest",
        "  local_edit         op=add|alter|del|duplicate|cloud user_id=… row.NAME=VALUE …",
        "                     somebody is at its own web page",
    ]
)


class Device(click.ParamType[str]):
    """Where a phone answers: an http URL, or host:port."""

    name = "device"

    def convert(
        self, value: str, param: click.Parameter | None, context: click.Context | None
    ) -> str:
        place = value.removeprefix("http://").rstrip("/")
        host, _, port = place.rpartition(":")
        if not host or not port.isdecimal():
            self.fail(f"{value!r} is neither http://HOST:PORT nor HOST:PORT", param, context)
        return place


@click.group()
def sim() -> None:
    """Simulated door phones: a fleet that speaks the protocol of real ones.

    \b
    gatehouse sim serve --model X916 --count 3 --port 8100
    gatehouse sim punch 127.0.0.1:8100 2468
    """


sim.add_command(locks)


@sim.command()
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="MODEL[:COUNT]",
    help=f"One of {', '.join(MODELS)}; repeat it for a mixed fleet.  [default: X916]",
)
@click.option("--count", default=1, show_default=True, help="Phones of a --model without :COUNT.")
@click.option("--port", default=8100, show_default=True, help="Of the first phone; 0: any free.")
@click.option(
    "--auth",
    type=click.Choice(["none", "allowlist", "basic", "digest"]),
    default="none",
    show_default=True,
    help="How their API asks who is there. The allowlist admits 127.0.0.1.",
)
@click.option("--user", default="", help="For basic and digest.")
@click.option(
    "--password",
    default="",
    envvar="GATEHOUSE_SIM_PASSWORD",
    help="For basic and digest; better in GATEHOUSE_SIM_PASSWORD. There is no default.",
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    help="The same seed repeats a run: MACs, chance of faults, people.",
)
@click.option("--zone", default="UTC", show_default=True, help="Of their clocks, at first start.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that keeps their memory over restarts.  [default: they forget]",
)
@click.option(
    "--real-time", is_flag=True, help="As slow as real ones: 132 ms a user, 0.25 s a call."
)
@click.option("--ms-per-user", default=0.0, help="Milliseconds a user takes to store; real: 132.")
@click.option("--pause", default=0.0, help="Seconds that a phone rests between calls; real: 0.25.")
@click.option("--people", default=0.0, metavar="SECONDS", help="Somebody comes every so often.")
@click.option("--trouble", default=0.0, metavar="SECONDS", help="Something fails every so often.")
def serve(
    models: tuple[str, ...],
    count: int,
    people: float,
    trouble: float,
    real_time: bool,
    **options: Any,
) -> None:
    """Run phones until you stop it, and say where each answers.

    One line a phone, MODEL and URL, once it listens. They listen on this machine only.
    """
    try:
        access = Access(mode=options["auth"], user=options["user"], password=options["password"])
        fleet = Fleet(
            named(models or ("X916",), count),
            access=access,
            **{name: options[name] for name in ("port", "seed", "zone", "data")},
            **(REAL_PACE if real_time else {name: options[name] for name in REAL_PACE}),
        )
    except (ValueError, Unreadable) as wrong:
        raise click.UsageError(str(wrong)) from wrong
    try:
        asyncio.run(until_stopped(fleet, beside(fleet, people, trouble, options["seed"])))
    except (OSError, OverflowError) as taken:  # the latter: there is no such port
        raise click.ClickException(str(taken)) from taken


def named(models: tuple[str, ...], count: int) -> list[str]:
    """`X916:6` is six of them. Raises ValueError for a count that is no number, or zero."""
    counted = [(model, number or str(count)) for model, _, number in split(models)]
    for model, number in counted:
        if not (number.isdecimal() and int(number)):
            raise ValueError(f"{number} of {model} are no phones: say a number, as {model}:6")
    return [model for model, number in counted for _ in range(int(number))]


def split(models: tuple[str, ...]) -> list[tuple[str, str, str]]:
    return [model.partition(":") for model in models]


def beside(fleet: Fleet, people: float, trouble: float, seed: int) -> list[Life]:
    """What else happens, as far as somebody asked for it."""
    phones, lives = [plugged.phone for plugged in fleet], list[Life]()
    if people:
        random = Random(seed)  # noqa: S311 - a repeatable demo, no secret
        lives.append(come_and_go(phones, people, random))
    if trouble:
        lives.append(brew(phones, forecast(len(phones), trouble, seed)))
    return lives


async def until_stopped(fleet: Fleet, lives: Sequence[Life]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await fleet.start()
    for plugged in fleet:
        click.echo(f"{plugged.phone.profile.model} {plugged.url}")  # click flushes every line
    tasks = [asyncio.create_task(life) for life in lives]
    await stopped.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await fleet.stop()


@sim.command()
@click.argument("device", type=Device())
@click.argument("code")
def punch(device: str, code: str) -> None:
    """Type CODE at the keypad of DEVICE.

    DEVICE is http://HOST:PORT or HOST:PORT. In APT+PIN mode CODE is the apartment, `#` and the PIN:
    203#2468.
    """
    report(ask(device, "POST", "/sim/punch", {"code": code}))


@sim.command()
@click.argument("device", type=Device())
@click.argument("card")
def swipe(device: str, card: str) -> None:
    """Hold CARD (its number) before the reader of DEVICE."""
    report(ask(device, "POST", "/sim/swipe", {"card": card}))


@sim.command()
@click.argument("device", type=Device())
def tamper(device: str) -> None:
    """Pull DEVICE off its wall.

    It calls its event URL, if it was given one.
    """
    sensed(device, "tamper", 1)


@sim.command()
@click.argument("device", type=Device())
@click.argument("kind", type=click.Choice(list(SENSED)), default="emergency")
@click.option("--relay", default=1, show_default=True, help="The door, for door_held, break_in.")
def alarm(device: str, kind: str, relay: int) -> None:
    """Let DEVICE sense an alarm of KIND.

    If none is named, fire at its alarm input.

    \b
    gatehouse sim alarm 127.0.0.1:8100
    gatehouse sim alarm 127.0.0.1:8100 door_held --relay 2
    """
    sensed(device, kind, relay)


@sim.command()
@click.argument("device", type=Device())
@click.argument("what", type=click.Choice(["open", "shut"]))
@click.option("--relay", default=1, show_default=True, help="Which door, by its relay.")
def door(device: str, what: str, relay: int) -> None:
    """Move the door of DEVICE as its contact sees it.

    Opened while locked it is forced; it may be left open too long.

    \b
    gatehouse sim door 127.0.0.1:8100 open
    """
    answer = ask(device, "POST", "/sim/door", {"relay": relay, "open": what == "open"})
    click.echo(f"door {what}{': break-in told at its event URL' if answer['alarm'] else ''}")


@sim.command()
@click.argument("device", type=Device())
@click.argument("number", default=1)
def press(device: str, number: int) -> None:
    """Close input NUMBER of DEVICE: an exit button, or a fire panel."""
    answer = ask(device, "POST", "/sim/sense", {"what": "input", "number": number})
    opened = f"opens relay {answer['relays']}" if answer["opened"] else answer["reason"]
    click.echo(f"input {number}: {opened}")


@sim.command()
@click.argument("device", type=Device())
@click.argument("number", type=int)
@click.argument("what", type=click.Choice(["open", "closed"]))
def contact(device: str, number: int, what: str) -> None:
    """Leave a contact at DEVICE open or closed.

    At input NUMBER: a door's sensor, or a fire panel.

    \b
    gatehouse sim contact 127.0.0.1:8100 2 closed         the door there is shut
    """
    asked = {"what": "contact", "number": number, "closed": what == "closed"}
    told = ask(device, "POST", "/sim/sense", asked)["told"]
    click.echo(f"input {number} {what}{': told at its event URL' if told else ''}")


def sensed(device: str, what: str, relay: int) -> None:
    """Exit status 1 if nobody hears of it."""
    where = "syslog server" if what == "motion" else "event URL"
    if not ask(device, "POST", "/sim/sense", {"what": what, "relay": relay})["told"]:
        click.echo(f"{what}: nobody is told, for it is offline or has no {where}")
        raise SystemExit(1)
    click.echo(f"{what}: told at its {where}")


@sim.command(epilog=FAULTS)
@click.argument("device", type=Device())
@click.argument("name", default="list", metavar="[NAME | list | clear]")
@click.argument("values", nargs=-1, metavar="[KEY=VALUE | off]…")
def fault(device: str, name: str, values: tuple[str, ...]) -> None:
    """Make DEVICE fail in a way that has a NAME.

    While it runs; or list what is on, or clear it.

    \b
    gatehouse sim fault 127.0.0.1:8100                    what is on (also: list)
    gatehouse sim fault 127.0.0.1:8100 latency            with the value below
    gatehouse sim fault 127.0.0.1:8100 latency ms=800
    gatehouse sim fault 127.0.0.1:8100 latency off
    gatehouse sim fault 127.0.0.1:8100 clear              as good as new

    Every phone listens on its own port, as `gatehouse sim serve` prints; those of the demo are
    at 100 above Gatehouse's own and following, 8100 to 8123.
    """
    if name == "clear":
        answer = ask(device, "POST", "/sim/clear-faults", {})
    elif name == "list":
        answer = ask(device, "GET", "/sim/state")
    elif name not in STANDING.keys() | ACTS.keys():
        raise click.UsageError(f"no fault {name!r}; see --help for their names")
    else:
        answer = ask(device, "POST", "/sim/fault", {"name": name, **given(values)})
    click.echo(f"faults: {json.dumps(answer['faults'])}")


def given(values: tuple[str, ...]) -> dict[str, Any]:
    """`ms=800` is {"ms": 800}, `off` {"on": False}, `row.Name=Ann` {"row": {"Name": "Ann"}}."""
    found: dict[str, Any] = {}
    for one in values:
        name, equals, value = one.partition("=")
        if one == "off":
            found["on"] = False
        elif not equals:
            raise click.UsageError(f"{one!r} is neither KEY=VALUE nor off")
        elif name.startswith("row."):
            found.setdefault("row", {})[name.removeprefix("row.")] = value
        else:
            found[name] = value if name == "user_id" else plain(value)
    return found


def plain(value: str) -> Any:
    """A number or true/false where it reads as one, else the text."""
    with suppress(ValueError):
        return json.loads(value)
    return value


@sim.command()
@click.argument("device", type=Device())
def state(device: str) -> None:
    """Print all that DEVICE holds, as JSON.

    Its users, schedules, settings, logs and faults.
    """
    click.echo(json.dumps(ask(device, "GET", "/sim/state"), indent=2, ensure_ascii=False))


def ask(
    device: str, method: str, path: str, body: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The answer of /sim. Ends the command if there is none, or if it is an error."""
    connection = HTTPConnection(device, timeout=10)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None)
        reply = connection.getresponse()
        answer = json.loads(reply.read())
    except (OSError, HTTPException, ValueError) as wrong:
        raise click.ClickException(f"no simulated phone answers at {device}") from wrong
    finally:
        connection.close()
    if reply.status != 200:
        raise click.ClickException(answer.get("error", f"no simulated phone answers at {device}"))
    return dict(answer)


def report(answer: Mapping[str, Any]) -> None:
    """Exit status 1 if the door stayed shut."""
    if answer["opened"]:
        click.echo(f"door opened: relay {answer['relays']}")
        return
    click.echo(f"refused: {answer['reason']}")
    raise SystemExit(1)
