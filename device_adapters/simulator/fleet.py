"""Hundreds of phones in one process, each on its own port (S24)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Any, Self, TypeVar

from device_adapters.simulator import config as keys
from device_adapters.simulator import control, storage
from device_adapters.simulator.credentials import Outcome
from device_adapters.simulator.line import Line
from device_adapters.simulator.memory import Clock, utc_now
from device_adapters.simulator.phone import Phone
from device_adapters.simulator.profiles import MODELS

T = TypeVar("T")
TICK_SECONDS, SAVE_SECONDS = 0.1, 0.5


@dataclass(frozen=True, kw_only=True)
class Access:
    """How the API asks who is there: `none`, `allowlist`, `basic` or `digest`."""

    mode: str = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    allowlist: tuple[str, ...] = ("127.0.0.1",)

    def __post_init__(self) -> None:
        if self.mode not in keys.AUTH_MODES.values():
            raise ValueError(f"auth is one of {', '.join(keys.AUTH_MODES.values())}")
        if self.mode in ("basic", "digest") and not (self.user and self.password):
            raise ValueError(f"{self.mode} needs a user and a password")

    def settings(self) -> dict[str, str]:
        codes = {mode: code for code, mode in keys.AUTH_MODES.items()}
        return {
            keys.AUTH_MODE: codes[self.mode],
            keys.API_USER: self.user,
            keys.API_PASSWORD: self.password,
            **dict(zip(keys.ALLOWLIST, self.allowlist, strict=False)),
        }


def mac_of(seed: int, index: int) -> str:
    """The same for the same place in the same fleet, under the vendor's prefix."""
    return "0C1105" + sha256(f"{seed}/{index}".encode()).hexdigest()[:6].upper()


class PluggedIn:
    """A phone of a running fleet. Safe to use from any thread but the fleet's own."""

    def __init__(self, phone: Phone, line: Line, run: "Callable[[Awaitable[Any]], Any]") -> None:
        self.phone, self.line, self.run = phone, line, run

    @property
    def url(self) -> str:
        return self.line.url

    @property
    def mac(self) -> str:
        return self.phone.mac

    def do(self, act: Callable[[Phone], T]) -> T:
        """In the fleet's thread, so that no request comes between."""

        async def done() -> T:
            return act(self.phone)

        result: T = self.run(done())
        return result

    def punch(self, code: str) -> Outcome:
        return self.do(lambda phone: phone.present_pin(code))

    def swipe(self, card: str) -> Outcome:
        return self.do(lambda phone: phone.present_card(card))

    def fault(self, name: str, **given: object) -> None:
        """As POST /sim/fault. Raises UnknownFault, or KeyError for a parameter that is missing."""
        self.do(lambda phone: control.fault(phone, name, given))

    def clear_faults(self) -> None:
        self.do(control.clear)

    def state(self) -> dict[str, Any]:
        return self.do(Phone.state)

    def unplug(self) -> None:
        """Really off: connections are refused, /sim too."""
        self.run(self.line.unplug())

    def plug_in(self) -> None:
        self.run(self.line.plug_in())


class Fleet:
    """`with Fleet(["X916", "E18"]) as fleet: fleet[0].url`; or `await start()` in a loop at hand.

    port: of the first phone, the others follow; 0: any free ones. data: a folder that keeps each
    phone's memory over restarts. ms_per_user, pause (seconds between calls): their pace.
    Raises ValueError for an unknown model.
    """

    def __init__(
        self,
        models: Iterable[str],
        *,
        port: int = 0,
        access: Access | None = None,
        seed: int = 1,
        clock: Clock = utc_now,
        zone: str = "UTC",
        data: Path | None = None,
        ms_per_user: float = 0,
        pause: float = 0,
    ) -> None:
        models = list(models)
        if unknown := set(models) - MODELS.keys():
            known = ", ".join(MODELS)
            raise ValueError(f"no model {', '.join(sorted(unknown))}; there are {known}")
        self.data = data
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._chores: list[asyncio.Task[None]] = []
        self._saved: dict[str, int] = {}
        self.phones: list[PluggedIn] = []
        for index, model in enumerate(models):
            mac, pace = mac_of(seed, index), {"ms_per_user": ms_per_user, "pause": pause}
            phone = Phone(MODELS[model], mac=mac, clock=clock, zone=zone, seed=seed + index, **pace)
            storage.recall(data, phone)
            phone.config.values |= (access or Access()).settings()
            line = Line(phone, port + index if port else 0)
            self.phones.append(PluggedIn(phone, line, self.run))

    def __getitem__(self, index: int) -> PluggedIn:
        return self.phones[index]

    def __iter__(self) -> Iterator[PluggedIn]:
        return iter(self.phones)

    def __len__(self) -> int:
        return len(self.phones)

    async def start(self) -> None:
        """Raises OSError if a port is taken."""
        self._loop = asyncio.get_running_loop()
        for plugged in self.phones:
            await plugged.line.plug_in()
        self._chores = [asyncio.create_task(chore()) for chore in (self._tick, self._save)]

    async def stop(self) -> None:
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        for plugged in self.phones:
            await plugged.line.unplug()
        await self.save()

    async def save(self) -> None:
        """Those that changed."""
        for plugged in self.phones if self.data else ():
            phone = plugged.phone
            if self.data and self._saved.get(phone.mac) != phone.version:
                self._saved[phone.mac] = phone.version
                await asyncio.to_thread(storage.keep, self.data, phone.profile.model, phone.dump())

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for plugged in self.phones:
                plugged.phone.settle()

    async def _save(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            await self.save()

    def __enter__(self) -> Self:
        ready: Future[None] = Future()
        self._thread = Thread(target=self._serve, args=(ready,), name="door phones", daemon=True)
        self._thread.start()
        ready.result()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.stop())
        if self._loop and self._thread:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _serve(self, ready: "Future[None]") -> None:
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            try:
                runner.run(self.start())
            except BaseException as failure:
                ready.set_exception(failure)
                return
            ready.set_result(None)
            with suppress(RuntimeError):
                loop.run_forever()

    def run(self, work: Awaitable[T]) -> T:
        """In the fleet's thread."""
        if self._loop is None:
            raise RuntimeError("the fleet is not running")

        async def waited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(waited(), self._loop).result()
