"""M125: an indoor monitor is a device like a door phone, but keeps nobody."""

from device_adapters.simulator import Fleet
from tests.builders import ANN, SWIMMERS, a_pin, a_resident
from tests.device_adapters.houses import a_house, soon

URL = "http://127.0.0.1:1/doors/secret"


def test_m125_an_indoor_monitor_is_online_and_is_told_where_to_call() -> None:
    people = (a_resident(ANN, SWIMMERS), a_pin("2468", ANN))
    with Fleet(["C313W"]) as fleet, a_house(fleet, *people, event_url=URL) as house:
        calls = fleet[0].phone.config.values
        key = "Config.Features.ACTIONURL.AlarmTriggered"
        soon(lambda: calls.get(key) == f"{URL}?event=AlarmTriggered")
        soon(lambda: set(house.now().values()) == {"undeliverable"})
        assert house.comings_and_goings() == ["DeviceWentOnline"]
