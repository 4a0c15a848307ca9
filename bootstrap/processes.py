"""What the Procfile runs beside the web."""

import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event as Flag
from threading import Thread

from prometheus_client import REGISTRY

from bootstrap.house import House, follows, read_models, the_house
from bootstrap.metrics import Phones, Standing
from commands.ingest import Ingest
from config import refuse_unsafe
from device_adapters import process
from device_adapters.akuvox.phone import AkuvoxPhone
from device_adapters.akuvox.profiles import profile_of
from device_adapters.doorlog import DoorLogPoller
from device_adapters.lane import Rhythm
from device_adapters.port import Phone
from device_adapters.sync import DoorSync, Outside
from domain.devices import Device, Login
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
    REGISTRY.register(Standing(house.config.database.read, follows()))
    Thread(target=forget_old_reports, args=(house, stop), daemon=True).start()
    house.runner.run(read_models(), stop)


def forget_old_reports(house: House, stop: Flag) -> None:
    """M82: what doors reported is kept for 30 days; the read models let go by themselves."""
    while not stop.is_set():
        with suppress(Unavailable):
            house.reports.drop_before((datetime.now(UTC) - timedelta(days=KEPT_DAYS)).date())
        stop.wait(FORGET_SECONDS)


def run_adapters(house: House, stop: Flag) -> None:
    """At the real pace, unless DEVICE_PACE=0 says that the phones need none."""
    poller = DoorLogPoller(Ingest(house.log, house.reports), lambda: datetime.now(UTC))
    outside = Outside(
        dispatch=house.dispatch,
        connect=partial(phone_of, paced=house.config.device_pace),
        digest=house.log.vault.digest,
        poll=poller.poll,
        event_url=house.event_url,
        now=lambda: datetime.now(UTC).timestamp(),
    )
    sync = DoorSync(outside, Rhythm(), live_from=house.log.head())
    REGISTRY.register(Phones(sync.lanes.status))
    process.run(house.log, sync, lambda: house.project("doors"), stop)


def phone_of(device: Device, *, paced: bool) -> Phone:
    profile = profile_of(device.box.model)
    login = device.login if isinstance(device.login, Login) else None
    return AkuvoxPhone(device.box.address, login, profile if paced else profile.paced(0, 0))


RUNS: Mapping[str, Callable[[House, Flag], None]] = {
    "projector": run_projector,
    "adapters": run_adapters,
}
