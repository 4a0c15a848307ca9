"""M127, A59: solved with a note, once."""

import pytest

from commands.alarms import ChooseFireInputs, RaiseAlarm, SolveAlarm
from domain.alarms import AlarmRaised, AlarmSolved, FireInputsChosen
from domain.devices import DeviceEdited, Relay
from domain.ids import CommunityId
from domain.kernel import Event, Refused, Unknown
from domain.record import ERASED
from tests.builders import (
    ELSEWHERE,
    FIRE,
    GATE,
    GYM,
    NOW,
    TAMPERING,
    a_community,
    a_device,
    an_alarm,
)
from tests.scenario import MANAGER, a_bus, a_log, given

NOTE = "The cleaners' ladder; nobody was there."
SOLVED = AlarmSolved(alarm=TAMPERING, note=NOTE)


def test_m127_a_manager_solves_an_alarm_with_a_note() -> None:
    past = an_alarm(TAMPERING), an_alarm(FIRE, "emergency")
    given(*past).when(SolveAlarm(alarm=TAMPERING, note=f" {NOTE} ")).then(SOLVED)


def test_m127_the_same_note_again_is_already_so() -> None:
    given(an_alarm(TAMPERING), SOLVED).when(SolveAlarm(alarm=TAMPERING, note=NOTE)).then_nothing()


@pytest.mark.parametrize("past", [SOLVED, AlarmSolved(alarm=TAMPERING, note=ERASED)])
def test_m127_what_was_found_out_stays(past: Event) -> None:
    again = SolveAlarm(alarm=TAMPERING, note="No, a burglar.")
    given(an_alarm(TAMPERING), past).when(again).then_refused("already-solved")


@pytest.mark.parametrize("note", ["", "  ", "x" * 501, "a\nb"])
def test_a59_not_without_a_note(note: str) -> None:
    given(an_alarm(TAMPERING)).when(SolveAlarm(alarm=TAMPERING, note=note)).then_refused("500")


def test_a59_an_unknown_alarm_and_another_communitys_are_alike() -> None:
    given(a_community()).when(SolveAlarm(alarm=TAMPERING, note=NOTE)).then_unknown("Alarm")
    theirs = a_log(an_alarm(TAMPERING), community=CommunityId(ELSEWHERE))
    with pytest.raises(Unknown):
        given().when(SolveAlarm(alarm=TAMPERING, note=NOTE)).decided()
    assert a_bus(theirs).dispatch(
        SolveAlarm(alarm=TAMPERING, note=NOTE), community=ELSEWHERE, actor=MANAGER
    )


def test_the_note_is_printed_nowhere() -> None:
    assert NOTE not in repr(SOLVED)


def test_m124_an_alarm_is_raised_also_of_a_device_that_is_gone() -> None:
    raising = RaiseAlarm(
        kind="emergency",
        device=GATE,
        name="Gate",
        relay=None,
        building=None,
        apartment=None,
        heard_at=NOW,
    )
    [raised] = given(a_community()).when(raising, by="system").decided()
    assert isinstance(raised, AlarmRaised)
    assert (raised.kind, raised.device, raised.heard_at) == ("emergency", GATE, NOW)


def test_m124_an_installer_says_which_inputs_report_a_fire() -> None:
    chosen = FireInputsChosen(device=GATE, inputs=frozenset({2}))
    asked = ChooseFireInputs(device=GATE, inputs=frozenset({2}))
    given(a_device(GATE)).when(asked, by="installer").then(chosen)
    given(a_device(GATE), chosen).when(asked, by="installer").then_nothing()
    given(a_device(GATE)).when(asked, by="manager").then_refused("installer-only")
    given(a_device(GYM)).when(asked, by="installer").then_unknown("Device")


@pytest.mark.parametrize("inputs", [{0}, {5}, {1, -1}])
def test_m124_inputs_are_counted_from_one(inputs: set[int]) -> None:
    asked = ChooseFireInputs(device=GATE, inputs=frozenset(inputs))
    given(a_device(GATE)).when(asked, by="installer").then_refused("1 to 4")


def test_m124_none_is_what_a_device_begins_with() -> None:
    nothing = ChooseFireInputs(device=GATE, inputs=frozenset())
    given(a_device(GATE)).when(nothing, by="installer").then_nothing()


def test_m124_m99_the_input_of_a_doors_sensor_reports_no_fire() -> None:
    relays = (Relay(number=1, name="Gate", sensor=2), Relay(number=2, name="Side"))
    past = a_device(GATE), DeviceEdited(device=GATE, name="Gate", relays=relays)
    asked = ChooseFireInputs(device=GATE, inputs=frozenset({1, 2}))
    with pytest.raises(Refused) as no:
        given(*past).when(asked, by="installer").decided()
    assert (no.value.code, no.value.field) == ("door-sensors-input", "inputs")
    assert no.value.details == ["2"]
    others = ChooseFireInputs(device=GATE, inputs=frozenset({1, 3}))
    chosen = FireInputsChosen(device=GATE, inputs=others.inputs)
    given(*past).when(others, by="installer").then(chosen)
