"""People who come to the doors by themselves, so that a demo is alive."""

import asyncio
from collections.abc import Sequence
from random import Random

from device_adapters.simulator import config as keys
from device_adapters.simulator.phone import Phone
from device_adapters.simulator.tables import Row

WRONG_CODES, BY_CAR = 0.1, 0.5
SHOWN = ("PrivatePIN", "CardCode", "LicensePlate")


async def come_and_go(phones: Sequence[Phone], every: float, random: Random) -> None:
    """Somebody at a random phone, on average every so many seconds, for ever."""
    while True:
        await asyncio.sleep(random.expovariate(1 / every))
        visit(phones, random)


def visit(phones: Sequence[Phone], random: Random) -> None:
    """What the phone knows of somebody: a code, a card, a car; now and then a wrong code."""
    phone = random.choice(phones)
    users = [user for user in phone.users if any(user[kind] for kind in SHOWN)]
    if not users or random.random() < WRONG_CODES:
        phone.present_pin(str(random.randrange(1000, 10_000)))
        return
    user = random.choice(users)
    if user["LicensePlate"] and random.random() < BY_CAR:
        phone.present("plate", user["LicensePlate"].split(";")[0])
    elif user["PrivatePIN"] and phone.profile.pin_digits:
        phone.present_pin(typed(phone, user))
    elif user["CardCode"]:
        phone.present_card(user["CardCode"].split(";")[0])


def typed(phone: Phone, user: Row) -> str:
    """What its owner types: the PIN, after the apartment where the phone wants that."""
    pin = user["PrivatePIN"]
    return f"{user['Room']}#{pin}" if phone.config[keys.PIN_MODE] == "1" else pin
