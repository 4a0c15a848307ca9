"""A phone at its door: who is let in, what its relays and sensors do, whom it tells (S12-S18)."""

import re
from collections.abc import Callable
from datetime import timedelta

from device_adapters.simulator import config as keys
from device_adapters.simulator import syslog
from device_adapters.simulator.action_urls import filled
from device_adapters.simulator.credentials import KINDS, Kind, Outcome
from device_adapters.simulator.memory import Memory
from device_adapters.simulator.schedules import allows, pairs
from device_adapters.simulator.tables import ERROR_PARAM, FAILED, Rejected, Row

SENSED = {
    "emergency": "InputAlarm",
    "tamper": "AlarmTriggered",
    "door_held": "AlarmDoorOpenedTimeout",
    "break_in": "BreakInAlarm",
    "motion": "",
}
OF_NO_DOOR = {"emergency", "tamper"}
FIRST_CALL = 200_001  # after power on the next one is 200002 [SY]


class Doorway(Memory):
    """`send` is told each action URL, `emit` each syslog line; they must not wait."""

    send: Callable[[str], None] = staticmethod(lambda url: None)
    emit: syslog.Emit = staticmethod(lambda host, port, line: None)

    def present_pin(self, code: str) -> Outcome:
        return self.present("pin", code)

    def present_card(self, code: str) -> Outcome:
        return self.present("card", code)

    def present(self, kind: str, code: str) -> Outcome:
        """Somebody shows a credential: `pin`, `card`, `face`, `qr` or `plate`."""
        self.settle()
        if self.is_down():
            return Outcome(reason="rebooting")
        if kind == "pin" and self.profile.pin_digits is None:
            return Outcome(reason="no keypad")
        how = KINDS[kind]
        holder, outcome = self.judged(how, code)
        for number in outcome.relays:
            self.relays.open(number, self.clock() + self.hold(number))
        self.log(how, code, holder, outcome)
        self._tell(how, code, holder, outcome)
        return outcome

    def judged(self, how: Kind, code: str) -> tuple[Row | None, Outcome]:
        """Who that is and what opens: the first holder for whom something does."""
        apartment_mode = self.config[keys.PIN_MODE] == "1"
        holders = how.holders(self.users, code, self.profile, apartment_mode)
        reason = "unknown code"
        for row in holders:
            admitted = self.admitted(row)
            relays = tuple(number for number in admitted if self.takes(number, how.name))
            if relays:
                return row, Outcome(relays=relays)
            reason = f"{how.label} is off here" if admitted else "outside schedule"
        return (holders[0] if holders else None), Outcome(reason=reason)

    def admitted(self, user: Row) -> list[int]:
        """The relays that a user's schedules open at this hour."""
        now, numbers = self.now(), set[int]()
        for schedule, digits in pairs(user["ScheduleRelay"]):
            row = self.schedules.rows.get(schedule)
            if row and allows(row, now):
                numbers |= {int(digit) for digit in digits}
        return sorted(number for number in numbers if 1 <= number <= self.relays.count)

    def takes(self, relay: int, method: str) -> bool:
        return method in self.config[f"{keys.RELAY}AccessMethod{letter(relay)}"].split(";")

    def hold(self, relay: int) -> timedelta:
        """How long a relay stays open: [SY] sets the one key, newer firmware has the other."""
        older, newer = f"Relay{letter(relay)}Delay", f"HoldDelay{letter(relay)}"
        value = self.config[keys.RELAY + older] or self.config[keys.RELAY + newer]
        return seconds(value, 5)

    def trigger(self, relay: int, *, mode: int = 0, level: int = 0, delay: int = 0) -> None:
        """By the API. Mode 0 closes by itself after `delay` seconds (0: its hold delay [G]);
        mode 1 stays open with level 0 (NO-COM) and closes with level 1 (NC-COM) [G]."""
        self.settle()
        if not 1 <= relay <= self.relays.count:
            raise Rejected(FAILED)
        if mode not in (0, 1) or level not in (0, 1) or not 0 <= delay <= 65535:
            raise Rejected(ERROR_PARAM)
        if mode == 1 and level == 1:
            self.relays.close(relay)
            self.fire(f"Relay{letter(relay)}Closed", relay_id=str(relay))
            return
        hold = timedelta(seconds=delay) if delay else self.hold(relay)
        self.relays.open(relay, None if mode else self.clock() + hold)
        self.log(KINDS["api"], "", None, Outcome(relays=(relay,)))
        self.fire(f"Relay{letter(relay)}Triggered", relay_id=str(relay))

    def settle(self) -> None:
        """Close the relays whose time is over, and tell of doors that stand open for too long."""
        for number in self.relays.expire(self.clock()):
            self.fire(f"Relay{letter(number)}Closed", relay_id=str(number))
        longest = seconds(self.config[keys.HELD_SECONDS], 60)
        for number in self.frames.overdue(self.clock(), longest):
            self.sense("door_held", number)

    def is_open(self, relay: int) -> bool:
        """Triggered, or held open by its relay schedule (`1001/`)."""
        self.settle()
        where = f"Config.DoorSetting.RELAYSCHEDULE.Relay{letter(relay)}"
        held = self.config[f"{where}Enable"] == "1" and any(
            allows(self.schedules.rows[number], self.now())
            for number in re.findall(r"\d+", self.config[f"{where}Schedule"])
            if number in self.schedules.rows
        )
        return held or self.relays.is_open(relay)

    def press_input(self, number: int = 1) -> Outcome:
        """The exit button: opens the relay that the settings bind to the input."""
        if not 1 <= number <= self.profile.inputs:
            raise ValueError(f"input is 1 to {self.profile.inputs}")
        middle = "" if number == 1 else letter(number)
        bound = self.config[f"{keys.INPUT}Input{middle}Relay"]
        self.fire(f"Input{letter(number)}Triggered")
        if self.config[f"{keys.INPUT}Input{middle}Enable"] != "1" or not bound.isdigit():
            return Outcome(reason="input is off")
        outcome = Outcome(relays=(int(bound),))
        self.relays.open(int(bound), self.clock() + self.hold(int(bound)))
        self.log(KINDS["input"], "", None, outcome)
        return outcome

    def wire(self, number: int, *, closed: bool) -> bool:
        """The contact at an input closes, as that of a fire panel, and stays so until it opens;
        whether there is anybody to tell."""
        if not 1 <= number <= self.profile.inputs:
            raise ValueError(f"input is 1 to {self.profile.inputs}")
        (self.closed_inputs.add if closed else self.closed_inputs.discard)(number)
        return self.fire(f"Input{letter(number)}{'Triggered' if closed else 'Closed'}")

    def sense(self, what: str, relay: int = 1) -> bool:
        """`emergency`, `tamper`, or at a door `door_held`, `break_in`: no log holds these, only the
        action URL tells; `motion`: only syslog does. Whether there is anybody to tell."""
        if not 1 <= relay <= self.relays.count:
            raise ValueError(f"relay is 1 to {self.relays.count}")
        if what == "motion":
            return self.report(syslog.MOTION)
        if what == "emergency":
            self.closed_inputs.add(1)
        event = SENSED[what] + ("" if what in OF_NO_DOOR else letter(relay))
        return self.fire(event, alarmstatus="1")

    def door(self, relay: int, *, opens: bool) -> bool:
        """The door of a relay is opened or shut. Opened while the relay is at rest, it was forced;
        whether an alarm was told for that."""
        self.settle()
        if not 1 <= relay <= self.relays.count:
            raise ValueError(f"relay is 1 to {self.relays.count}")
        if not opens:
            self.frames.close(relay)
            return False
        self.frames.open(relay, self.clock())
        return not self.is_open(relay) and self.sense("break_in", relay)

    def call(self, kind: str, name: str, number: str) -> None:
        """`Dialed`, `Received`, `Missed` or `Forwarded`; a made call is also told."""
        row = self.calls.write(self.now(), Name=name, Type=kind, LocalIdentity=number, Num="1")
        self.version += 1
        if kind == "Dialed":
            for event in ("MakeCall", "HangUp"):
                self.fire(event, remote=number)
            for said in syslog.called(number, FIRST_CALL + int(row["ID"])):
                self.report(said)

    def log(self, how: Kind, code: str, holder: Row | None, outcome: Outcome) -> None:
        """With the raw code, as the real one does."""
        self.version += 1
        self.doors.write(
            self.now(),
            Name=holder["Name"] if holder else ("" if outcome.opened else "Unknown"),
            Code=code,
            Type=how.label,
            Relay="".join(map(str, outcome.relays)),
            Status="Succ" if outcome.opened else "Failed",
            AccessMode="0",
        )
        relays = "".join(map(str, outcome.relays))
        self.report(syslog.opened(how.name, code, relays, well=outcome.opened))

    def fire(self, event: str, **values: str) -> bool:
        """Once, without waiting, without a second try; lost while the phone is offline."""
        url = self.config[keys.URL + event]
        on = bool(url) and self.config[f"{keys.URL}Enable"] == "1"
        if tells := on and not self.faults.is_on("offline"):
            self.send(filled(url, self._variables() | {"active_url": event} | values))
        return tells

    def report(self, message: str) -> bool:
        """A syslog line, as lightly as an action URL."""
        host, port = self.config[f"{keys.SYSLOG}Server"], self.config[f"{keys.SYSLOG}ServerPort"]
        on = self.config[f"{keys.SYSLOG}Syslog"] == "1" and bool(host) and port.isdecimal()
        if tells := on and not self.faults.is_on("offline"):
            self.emit(host, int(port), syslog.line(self.now(), self.profile.model, message))
        return tells

    def _tell(self, how: Kind, code: str, holder: Row | None, outcome: Outcome) -> None:
        """After a code only this fires, not the relay's URL [HA]."""
        self.fire(
            how.valid if outcome.opened else how.invalid,
            relay_id="".join(map(str, outcome.relays)),
            user_name=holder["Name"] if holder else "",
            active_user=holder["Name"] if holder else "",
            userid=holder["UserID"] if holder else "",
            unlocktype=how.label,
            open_type=how.label,
            **{how.variable: code},
        )

    def _variables(self) -> dict[str, str]:
        relays = range(1, self.relays.count + 1)
        return {
            "mac": self.shown_mac(),
            "ip": "127.0.0.1",
            "model": self.profile.model,
            "firmware": self.profile.firmware,
            "location": self.config["Config.DoorSetting.DEVICENODE.Location"],
            "time": f"{self.now():%Y-%m-%d %H:%M:%S}",
            **{f"relay{n}status": str(int(self.relays.is_open(n))) for n in relays},
            **{f"input{n}status": "0" for n in range(1, self.profile.inputs + 1)},
        }

    def shown_mac(self) -> str:
        return self.faults.text("other_mac") or self.mac


def seconds(setting: str, default: int) -> timedelta:
    return timedelta(seconds=int(setting) if setting.isdecimal() else default)


def letter(number: int) -> str:
    return keys.LETTERS[number - 1]
