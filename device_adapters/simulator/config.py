"""The flat list of settings of a phone (autop keys). Keys marked [G] are named by us."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from device_adapters.simulator.profiles import Profile
from device_adapters.simulator.tables import ERROR_PARAM, Rejected

LETTERS = "ABCD"
RELAY, INPUT = "Config.DoorSetting.RELAY.", "Config.DoorSetting.INPUT."
URL = "Config.Features.ACTIONURL."
TIME_ZONE, ZONE_NAME = "Config.Settings.SNTP.TimeZone", "Config.Settings.SNTP.Name"
API = "Config.DoorSetting.APIFCGI."
AUTH_MODE, API_USER, API_PASSWORD = f"{API}AuthMode", f"{API}UserName", f"{API}Password"
ALLOWLIST = tuple(f"{API}WhiteList{number}" for number in range(1, 6))
HTTP_RELAY = "Config.DoorSetting.HTTPRELAY."  # [G] "Open Relay Via HTTP"
SYSLOG = "Config.Settings.LOGLEVEL.Remote"
HELD_SECONDS = "Config.DoorSetting.INPUT.DoorOpenedTimeout"  # [G] of a door that stays open
PIN_MODE = "Config.DoorSetting.PASSWORD.PinMode"  # [G] 0: PIN, 1: APT#PIN
SECRETS = frozenset({API_PASSWORD, f"{HTTP_RELAY}Password"})
METHODS = ("pin", "card", "face", "qr", "plate", "uhf")

AUTH_MODES = {"0": "none", "1": "basic", "2": "allowlist", "4": "digest"}

EVENTS = (
    "ValidCodeEntered",
    "InvalidCodeEntered",
    "ValidCardEntered",
    "InvalidCardEntered",
    "ValidFaceRecognition",
    "InvalidFaceRecognition",
    "ValidQRCodeEntered",
    "InvalidQRCodeEntered",
    "AlarmTriggered",
    "AlarmDoorOpenedTimeoutA",
    "AlarmDoorOpenedTimeoutB",
    "MakeCall",
    "HangUp",
    "AlarmLog",
    "CallLog",
    "DoorLog",
    "InputAlarm",
)

SINGLE = {
    PIN_MODE: "0",
    TIME_ZONE: "GMT+0:00",
    ZONE_NAME: "UTC",
    "Config.Settings.SNTP.Enable": "1",
    "Config.Settings.SNTP.NTPServer1": "0.pool.ntp.org",
    "Config.Settings.SNTP.NTPServer2": "1.pool.ntp.org",
    "Config.Settings.DATETIME.TimeFormat": "0",
    "Config.Settings.DATETIME.DateFormat": "0",
    "Config.Settings.LOGLEVEL.Level": "3",
    f"{SYSLOG}Syslog": "0",
    f"{SYSLOG}Server": "",
    f"{SYSLOG}ServerPort": "514",
    HELD_SECONDS: "60",
    "Config.Settings.HANDFREE.MicVol": "8",
    "Config.Settings.HANDFREE.SpkVol": "8",
    "Config.Settings.HANDFREE.AlmVol": "8",
    "Config.Settings.HANDFREE.PromptVol": "8",
    "Config.Settings.HANDFREE.VolumeLevel": "1",
    "Config.Settings.CALLTIMEOUT.DialIn": "60",
    "Config.Settings.CALLTIMEOUT.DialOut": "60",
    "Config.Settings.CALLTIMEOUT.OpenRelay": "5",
    "Config.Settings.CALLTIMEOUT.OpenRelayType": "1",
    "Config.Settings.GENERAL.DirectIP": "1",
    "Config.Settings.SECURITY.UserAccountEnabled": "0",
    "Config.Autoprovision.PNP.Enable": "1",
    "Config.Autoprovision.MODE.Mode": "0",
    "Config.Features.DOORPHONE.EnableButtonHangup": "1",
    "Config.Features.DOORPHONE.MaxCallTime": "5",
    "Config.DoorSetting.DEVICENODE.Location": "",
    "Config.DoorSetting.DTMF.Code1": "0",
    "Config.DoorSetting.DTMF.Code2": "0",
    "Config.DoorSetting.CLOUDSERVER.RpsEnable": "1",
    "Config.DoorSetting.CLOUDSERVER.RpsServer": "",
    "Config.DoorSetting.RFCARDDISPLAY.RfidDisplayMode": "0",
    "Config.DoorSetting.BLE.Enable": "0",
    "Config.DoorSetting.BLE.Delay": "5",
    "Config.DoorSetting.BLE.RssiThreshold": "-72",
    "Config.DoorSetting.GENERAL.LedType": "0",
    "Config.DoorSetting.GENERAL.Theme": "0",
    "Config.DoorSetting.GENERAL.MinPhotoresistors": "1500",
    "Config.DoorSetting.GENERAL.MaxPhotoresistors": "1600",
    "Config.DoorSetting.RTSP.Enable": "1",
    "Config.DoorSetting.RTSP.Audio": "1",
    "Config.DoorSetting.RTSP.Video": "1",
    "Config.DoorSetting.RTSP.Authorization": "1",
    "Config.DoorSetting.RTSP.AuthenticationType": "1",
    AUTH_MODE: "2",
    API_USER: "",
    API_PASSWORD: "",
    **dict.fromkeys(ALLOWLIST, ""),
    f"{HTTP_RELAY}Enable": "0",
    f"{HTTP_RELAY}UserName": "",
    f"{HTTP_RELAY}Password": "",
    f"{URL}Enable": "0",
    f"{URL}Method": "",
}


@cache
def cities() -> Mapping[str, str]:
    """Zones by the last part of their name, as a phone calls them [SY]."""
    return {name.rpartition("/")[2]: name for name in sorted(available_timezones())}


def clock_in(zone: str, at: datetime) -> dict[str, str]:
    """As somebody sets it at the phone's own page: `GMT+3:00` and `Moscow`."""
    sign, hours, minutes = re.findall(r"[+-]|\d\d", f"{at.astimezone(ZoneInfo(zone)):%z}")[:3]
    return {TIME_ZONE: f"GMT{sign}{int(hours)}:{minutes}", ZONE_NAME: zone.rpartition("/")[2]}


def defaults(profile: Profile) -> dict[str, str]:
    """As it leaves the factory."""
    several = (_relay, _input, _account, _events)
    return SINGLE | {key: value for part in several for key, value in part(profile)}


def _relay(profile: Profile) -> Iterator[tuple[str, str]]:
    for letter in LETTERS[: profile.relays]:
        yield f"{RELAY}Name{letter}", f"Relay{letter}"
        yield f"{RELAY}RelayName{letter}", f"Relay{letter}"
        yield f"{RELAY}HoldDelay{letter}", "5"
        yield f"{RELAY}TrigDelay{letter}", "0"
        yield f"{RELAY}Relay{letter}Delay", ""
        yield f"{RELAY}Relay{letter}Type", "0"
        yield f"{RELAY}Relay{letter}Mode", "0"
        yield f"{RELAY}AccessMethod{letter}", ";".join(METHODS)  # [G]
        yield f"Config.DoorSetting.RELAYSCHEDULE.Relay{letter}Enable", "0"
        yield f"Config.DoorSetting.RELAYSCHEDULE.Relay{letter}Schedule", ""


def _input(profile: Profile) -> Iterator[tuple[str, str]]:
    for number, letter in enumerate(LETTERS[: profile.inputs], 1):
        middle = "" if number == 1 else letter
        yield f"{INPUT}Input{middle}Enable", "0"
        yield f"{INPUT}Input{middle}Trigger", "0"
        yield f"{INPUT}Input{middle}Relay", str(min(number, profile.relays))


def _account(_: Profile) -> Iterator[tuple[str, str]]:
    for number in (1, 2):
        account = f"Config.Account{number}."
        for name in ("AuthName", "DisplayName", "Label", "Pwd", "UserAgent", "UserName"):
            yield f"{account}GENERAL.{name}", ""
        yield f"{account}GENERAL.Enable", "0"
        yield f"{account}SIP.Server", ""
        yield f"{account}SIP.TransType", "0"
        for name in ("Port", "ListenPortMin", "ListenPortMax"):
            yield f"{account}SIP.{name}", "5060"
        yield f"{account}STUN.Enable", "0"
        yield f"{account}STUN.Server", ""
        yield f"{account}STUN.Port", "3478"
        yield f"{account}NAT.UdpKeepEnable", "1"
        yield f"{account}NAT.Rport", "1"
        yield f"{account}AUTO_ANSWER.Enable", "1"


def _events(profile: Profile) -> Iterator[tuple[str, str]]:
    yield from ((f"{URL}{event}", "") for event in EVENTS)
    for letter in LETTERS[: profile.relays]:
        yield f"{URL}Relay{letter}Triggered", ""
        yield f"{URL}Relay{letter}Closed", ""
        yield f"{URL}BreakInAlarm{letter}", ""
    for letter in LETTERS[: profile.inputs]:
        yield f"{URL}Input{letter}Triggered", ""
        yield f"{URL}Input{letter}Closed", ""


class Config:
    """Settings by key. All values are strings; secrets can be written but not read."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.values = defaults(profile)

    def __getitem__(self, key: str) -> str:
        return self.values.get(key, "")

    def change(self, wanted: Mapping[str, object]) -> None:
        """All or nothing: a value that is no string, or a key that is none, is an error."""
        settings = {k: v for k, v in wanted.items() if isinstance(v, str)}
        if not settings or len(settings) < len(wanted):
            raise Rejected(ERROR_PARAM)
        if any(not key.startswith("Config.") for key in settings):
            raise Rejected(ERROR_PARAM)
        self.values |= {key: self._plain(key, value) for key, value in settings.items()}

    def shown(self, keys: Iterable[str] | None = None) -> dict[str, str]:
        wanted = self.values if keys is None else keys
        return {key: "" if key in SECRETS else self[key] for key in wanted}

    def reset(self) -> None:
        """As from the factory, but still reachable by the same account, so that a fleet heals."""
        access = {key: self[key] for key in (AUTH_MODE, API_USER, API_PASSWORD, *ALLOWLIST)}
        self.values = defaults(self.profile) | access

    def _plain(self, key: str, value: str) -> str:
        """An S532 takes its passwords in base64 [SY]."""
        if key not in SECRETS or not self.profile.base64_secrets:
            return value
        try:
            return base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Rejected(ERROR_PARAM) from None
