"""Emergencies, beside all else that the adapters' process does (ADR 18)."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from bootstrap.house import House
from device_adapters.akuvox.doors import doors_of
from device_adapters.emergency.command import FOLDER
from device_adapters.emergency.gate import Gate
from device_adapters.emergency.service import Outside, Service
from device_adapters.leases import Leases
from domain.ids import CommunityId
from eventlog.bus import partition_of
from eventlog.postgres.emergencies import EmergencyLog


@contextmanager
def emergencies(house: House, leases: Leases) -> Iterator[Gate]:
    """While it runs; lanes have to ask the gate."""

    def ours(home: CommunityId) -> bool:
        return leases.is_sure(partition_of(str(home).encode()))

    gate = Gate()
    log = EmergencyLog(house.config.database.append, house.log.vault.keyring.get)
    outside = Outside(
        log=log,
        dispatch=house.dispatch,
        connect=partial(doors_of, paced=house.config.device_pace),
        ours=ours,
        master=house.master,
        folder=house.config.data / FOLDER,
    )
    with closing(log), Service(outside, gate):
        yield gate
