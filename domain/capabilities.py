"""What a model can do from which firmware on, as the manual's tables say it (M128).

The first field of a firmware is the hardware: X915 V1 has 915, V2 has 2915. Nothing is compared
across hardware, and what no row names is not capable.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from domain.record import frozen

Feature = Literal["tamper_alarms", "failure_reasons", "screensaver"]
FIRMWARE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})*")


@frozen
class Row:
    """Models by how their names begin, and the lowest firmware."""

    models: tuple[str, ...]
    firmware: str


def rows(table: str) -> tuple[Row, ...]:
    """Of lines as in the manual: `A01/A02: 101.30.10.222`. `V2` and the like are the hardware's."""
    said = (line.partition(":") for line in table.strip().splitlines())
    return tuple(
        Row(models=tuple(map(series, models.split("/"))), firmware=firmware.strip())
        for models, _, firmware in said
    )


def series(model: str) -> str:
    """`X915 V2.0` and `X915V2` are X915; what phones call themselves begins so (R20A, A08S)."""
    return re.sub(r"\s*V[0-9.]+$", "", model.strip().upper())


CAPABLE: Mapping[Feature, tuple[Row, ...]] = MappingProxyType(
    {
        "tamper_alarms": rows(  # M126: the manual, Alarm Records, Tamper Alarm
            """
            A01/A02: 101.30.10.222
            A03: 103.30.10.208
            A05 V2: 205.30.10.150
            A08: 108.30.11.27
            A094: 92.30.10.219
            X915V2: 2915.30.10.524
            S539: 539.30.10.409
            E12: 312.30.11.9
            E16V2: 216.30.11.16
            X912: 912.30.11.209
            R29: 29.30.10.437
            R25: 25.30.10.117
            R20V5: 320.30.11.103
            """
        ),
        "failure_reasons": rows(  # M87: the manual, Check/Export Door Logs
            """
            X912: 912.30.12.22
            X915V2: 2915.30.10.619
            R29: 29.30.10.507
            R20: 320.30.11.206
            E16V2: 216.30.11.107
            S539: 539.30.10.507
            A08: 108.30.11.110
            A01/A02: 101.30.11.12
            A03: 103.30.11.6
            A095: 95.30.10.203
            A094: 92.30.11.8
            """
        ),
        "screensaver": rows(  # M109: the manual, Add Screensaver to Device
            """
            R29: 29.30.3.104
            X915 V1.0: 915.30.1.408
            X915 V2.0: 2915.30.10.8
            X912: 912.30.10.225
            S535: 535.30.10.233
            """
        ),
    }
)
# How models of indoor monitors begin [G: the vendor's catalogue; the manual names PH81 alone].
MONITORS = ("C31", "IT8", "PH81", "R47", "R48", "R49", "S56", "X933", "X937")
# How models of door phones for several tenants begin [G: the same].
MULTI_TENANT = ("R20K", "R27", "R28", "R29", "S532", "S535", "S539", "X912", "X915", "X916")


def capable(model: str, firmware: str, feature: Feature) -> bool:
    """M128."""
    return any(
        model.upper().startswith(row.models) and is_at_least(firmware, row.firmware)
        for row in CAPABLE[feature]
    )


def is_at_least(firmware: str, lowest: str) -> bool:
    """Field by field, as numbers; firmware of other hardware never is."""
    if not FIRMWARE.fullmatch(firmware):
        return False
    has, needs = ([int(field) for field in text.split(".")] for text in (firmware, lowest))
    return has[0] == needs[0] and has >= needs


def is_monitor(model: str) -> bool:
    """Whether it is an indoor monitor: those raise arming alarms (M125)."""
    return model.upper().startswith(MONITORS)


def is_multi_tenant(model: str) -> bool:
    """Whether it has a directory of those whom it may call (M102, A55)."""
    return model.upper().startswith(MULTI_TENANT)
