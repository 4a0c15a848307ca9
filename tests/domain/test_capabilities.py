"""M128: what a model can do from which firmware on, by the manual's own tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.capabilities import CAPABLE, Feature, capable, is_at_least, is_monitor

FIELDS = st.lists(st.integers(0, 3000), min_size=1, max_size=5)


def dotted(fields: list[int]) -> str:
    return ".".join(map(str, fields))


@pytest.mark.parametrize(
    ("feature", "rows", "models"),
    [("tamper_alarms", 13, 14), ("failure_reasons", 11, 12), ("screensaver", 5, 5)],
)
def test_m126_m87_m109_the_tables_are_whole(feature: Feature, rows: int, models: int) -> None:
    assert len(CAPABLE[feature]) == rows
    assert sum(len(row.models) for row in CAPABLE[feature]) == models
    for row in CAPABLE[feature]:
        assert all(capable(model, row.firmware, feature) for model in row.models)


@pytest.mark.parametrize(
    ("model", "firmware", "feature", "can"),
    [
        ("R29", "29.30.10.437", "tamper_alarms", True),
        ("R29", "29.30.10.436", "tamper_alarms", False),
        ("R29C", "29.30.11.1", "tamper_alarms", True),
        ("R29", "29.30.9.999", "tamper_alarms", False),
        ("R29", "29.30.10.1000", "tamper_alarms", True),  # as numbers, not as text
        ("A02", "101.30.10.222", "tamper_alarms", True),
        ("a08s", "108.30.11.27", "tamper_alarms", True),
        ("X915", "915.30.10.999", "tamper_alarms", False),  # V1: no row names it
        ("X915S", "2915.30.10.524", "tamper_alarms", True),
        ("X915", "915.30.1.408", "screensaver", True),
        ("X915", "2915.30.1.408", "screensaver", False),
        ("R20A", "320.30.11.206", "failure_reasons", True),
        ("R20A", "320.30.11.205", "failure_reasons", False),
        ("R20A", "220.99.99.999", "failure_reasons", False),  # older hardware
        ("A05", "205.30.10.150", "tamper_alarms", True),
        ("A05", "105.30.10.150", "tamper_alarms", False),
        ("X916", "916.30.10.9999", "tamper_alarms", False),
        ("Z80", "29.30.10.437", "tamper_alarms", False),
        ("R29", "", "tamper_alarms", False),
        ("R29", "29.30.10", "tamper_alarms", False),
        ("R29", "29.30.10.437-beta", "tamper_alarms", False),
        ("R29", "29.٣٠.10.437", "tamper_alarms", False),
    ],
)
def test_m128_by_model_and_lowest_firmware(
    model: str, firmware: str, feature: Feature, *, can: bool
) -> None:
    assert capable(model, firmware, feature) is can


@given(FIELDS, FIELDS)
def test_m128_field_by_field_and_never_across_hardware(a: list[int], b: list[int]) -> None:
    said = is_at_least(dotted(a), dotted(b)), is_at_least(dotted(b), dotted(a))
    assert any(said) is (a[0] == b[0])
    assert all(said) is (a == b)


def test_m125_indoor_monitors_are_told_from_door_phones() -> None:
    assert all(map(is_monitor, ("C313W", "s567", "PH81-POE-ST", "X933", "IT83")))
    assert not any(map(is_monitor, ("X916", "S532", "S539", "R29", "E12W", "A08S", "X912")))
