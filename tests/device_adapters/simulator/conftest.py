"""A small fleet on real sockets."""

from collections.abc import Iterator

import pytest

from device_adapters.simulator.fleet import Fleet, PluggedIn


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet(["X916", "E12W"]) as running:
        yield running


@pytest.fixture
def phone(fleet: Fleet) -> Iterator[PluggedIn]:
    yield fleet[0]
    fleet[0].clear_faults()
    fleet[0].do(lambda phone: phone.users.reset())
