"""The `sim locks` command: a gateway with simulated locks behind it."""

import signal
from threading import Event as Flag

import click

from device_adapters.locks.gateway import Gateway, SimLock
from device_adapters.locks.served import served
from domain.locks import BRANDS


class Fitted(click.ParamType[SimLock]):
    """A lock: its brand and its serial."""

    name = "lock"

    def convert(
        self, value: str, param: click.Parameter | None, context: click.Context | None
    ) -> SimLock:
        named, _, serial = value.partition(":")
        brand = next((known for known in BRANDS if known == named), None)
        if brand is None or not serial:
            self.fail(f"{value!r} is not BRAND:SERIAL, of {', '.join(BRANDS)}", param, context)
        return SimLock(brand, serial)


@click.command("locks")
@click.option(
    "--lock",
    "fitted",
    type=Fitted(),
    multiple=True,
    required=True,
    metavar="BRAND:SERIAL",
    help=f"One of {', '.join(BRANDS)}, and what it is called; repeat it for more.",
)
@click.option("--port", default=8190, show_default=True, help="Of the gateway; 0: any free one.")
@click.option("--user", default="", help="Asked for with a password, if it is given.")
@click.option(
    "--password",
    default="",
    envvar="GATEHOUSE_SIM_PASSWORD",
    help="Better in GATEHOUSE_SIM_PASSWORD. There is no default.",
)
def locks(fitted: tuple[SimLock, ...], port: int, user: str, password: str) -> None:
    """Run locks behind a gateway until you stop it.

    Says where that answers. It speaks docs/lock-gateway.md, on this machine only. Somebody at a
    lock:

    \b
    curl -d '{"lock": "L1", "kind": "pin", "code": "2468"}' URL/sim/present
    """
    if bool(user) != bool(password):
        raise click.UsageError("a user needs a password, and the other way round")
    stopped = Flag()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    gateway = Gateway(fitted, (user, password) if user else None)
    try:
        with served(gateway, port) as server:
            for lock in fitted:
                click.echo(f"{lock.brand} {lock.serial} {server.url}")
            stopped.wait()
    except (OSError, OverflowError) as taken:  # the latter: there is no such port
        raise click.ClickException(str(taken)) from taken
