"""What the Procfile runs beside the web."""

import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from threading import Thread

from prometheus_client import REGISTRY

from bootstrap.house import House, followers, read_models, the_house
from bootstrap.metrics import Standing
from config import refuse_unsafe
from eventlog.port import Unavailable
from eventlog.reports import KEPT_DAYS
from observing import log_as, serve_metrics

FORGET_SECONDS = 3600


def run(process: str) -> None:
    """A process of the Procfile until SIGTERM or SIGINT."""
    if process not in RUNS:
        raise LookupError(f"no process is called {process}; there are {', '.join(RUNS)}")
    stop = Flag()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: stop.set())
    log_as(process)
    with the_house() as house:
        refuse_unsafe(house.config)
        serve_metrics(house.config.metrics_port(process))
        RUNS[process](house, stop)


def run_projector(house: House, stop: Flag) -> None:
    REGISTRY.register(Standing(house.config.database.read, followers()))
    Thread(target=forget_old_reports, args=(house, stop), daemon=True).start()
    house.runner.run(read_models(), stop)


def forget_old_reports(house: House, stop: Flag) -> None:
    """M82: what doors reported is kept for 30 days; the read models let go by themselves."""
    while not stop.is_set():
        with suppress(Unavailable):
            house.reports.drop_before((datetime.now(UTC) - timedelta(days=KEPT_DAYS)).date())
        stop.wait(FORGET_SECONDS)


def run_adapters(house: House, stop: Flag) -> None:
    from bootstrap import adapters  # what a process is made of takes a while: only its own

    adapters.run_adapters(house, stop)


def run_reactions(house: House, stop: Flag) -> None:
    from bootstrap import reactions

    reactions.run_reactions(house, stop)


def run_relay(house: House, stop: Flag) -> None:
    from eventlog.kafka import relay  # Kafka's client takes a while to import: only who needs it

    sources: dict[relay.Outlet, relay.Source] = {
        relay.OUTLETS["events"]: house.log,
        relay.OUTLETS["reports"]: house.raw_reports,
    }
    relay.run(sources, house.config.wanted_broker(), lambda: house.project("doors"), stop)


RUNS: Mapping[str, Callable[[House, Flag], None]] = {
    "projector": run_projector,
    "adapters": run_adapters,
    "reactions": run_reactions,
    "relay": run_relay,
}
