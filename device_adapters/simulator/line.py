"""A phone on its line: HTTP/1.1 on a loopback port, with everything that can go wrong on it.

asyncio sets TCP_NODELAY by itself, and an answer is one write: no waiting for a delayed ACK.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import replace
from time import monotonic

import h11

from device_adapters.simulator import api, control, open_door, syslog
from device_adapters.simulator.auth import Gate
from device_adapters.simulator.caller import call_url
from device_adapters.simulator.faults import GARBAGE
from device_adapters.simulator.messages import Reply, Request
from device_adapters.simulator.phone import Phone

HOST = "127.0.0.1"
BODY_BYTES = 16 * 1024 * 1024
CHUNK = 65536


class Silence(Exception):
    """No answer, and the phone does not even close."""


class Cut(Exception):
    """The connection is reset."""


class Line:
    def __init__(self, phone: Phone, port: int = 0) -> None:
        self.phone, self.port, self.gate = phone, port, Gate(phone.mac)
        self._turn = asyncio.Lock()
        self._waiting, self._rested = 0, 0.0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def plug_in(self) -> None:
        """Listen; a port of 0 becomes a free one, and stays the same from then on."""
        loop = asyncio.get_running_loop()
        self.phone.send = lambda url: send_soon(loop, self._call, url)
        self.phone.emit = syslog.send
        self._server = await asyncio.start_server(self._connected, HOST, self.port, backlog=64)
        self.port = self._server.sockets[0].getsockname()[1]

    async def unplug(self) -> None:
        """Whoever comes now is refused, whoever is here is cut off."""
        if self._server:
            self._server.close()
        self.phone.send = lambda url: None
        self.phone.emit = lambda host, port, line: None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _call(self, url: str) -> None:
        self.phone.urls_called.append(url)
        self._keep(asyncio.ensure_future(call_url(url)))

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._keep(task)
        try:
            await self._talk(Peer(reader, writer))
        except (Cut, asyncio.CancelledError):
            reset(writer)
        except Silence:
            while await reader.read(CHUNK):
                pass
        except (ConnectionError, h11.RemoteProtocolError):
            pass
        finally:
            writer.close()

    async def _talk(self, peer: "Peer") -> None:
        while request := await peer.receive():
            if request.path.startswith("/sim/"):
                await peer.send(control.answer(self.phone, request))
            else:
                await self._answer(peer, request)
            if not peer.goes_on():
                return

    async def _answer(self, peer: "Peer", request: Request) -> None:
        faults = self.phone.faults
        if faults.is_on("offline") or self.phone.is_down():
            raise Cut
        reply = await self._reply(request)
        if faults.is_on("lost_ack") or faults.is_on("offline") or self.phone.is_down():
            raise Cut
        if faults.is_on("giant_body"):
            await peer.send_giant(int(faults.number("giant_body")))
        elif faults.is_on("half_close"):
            await peer.send(reply, half=True)
        else:
            await peer.send(reply)

    async def _reply(self, request: Request) -> Reply:
        faults = self.phone.faults
        if faults.freezes(0):
            raise Silence
        if milliseconds := faults.number("latency"):
            await asyncio.sleep(milliseconds / 1000)
        if faults.strikes("error_rate"):
            return Reply(status=500, body=b"Internal Server Error", content_type="text/plain")
        if faults.is_on("redirect"):
            return Reply(status=308, headers={"Location": faults.text("redirect")})
        reply = await self._in_turn(request)
        if faults.is_on("garbage"):
            body = GARBAGE.get(faults.text("garbage"), faults.text("garbage"))
            reply = replace(reply, body=body.encode())
        if faults.is_on("wrong_content_type"):
            reply = replace(reply, content_type=faults.text("wrong_content_type"))
        return reply

    async def _in_turn(self, request: Request) -> Reply:
        """One at a time, as the real one's CGI."""
        self._waiting += 1
        self.phone.most_at_once = max(self.phone.most_at_once, self._waiting)
        try:
            async with self._turn:
                await self._rest()
                try:
                    return await self._work(request)
                finally:
                    self._rested = monotonic() + self.phone.faults.number("pause")
        finally:
            self._waiting -= 1

    async def _rest(self) -> None:
        """Who does not leave a real one its pause is served no sooner for that."""
        if (left := self._rested - monotonic()) > 0:
            self.phone.hurried += 1
            await asyncio.sleep(left)

    async def _work(self, request: Request) -> Reply:
        if request.path == "/fcgi/do":
            return open_door.answer(self.phone, request)
        if request.path.strip("/").partition("/")[0] != "api":
            return Reply(status=404, body=b"Not Found", content_type="text/html")
        if refusal := self.gate.refusal(self.phone.config, request):
            return refusal
        call = api.understood(self.phone, request)
        if isinstance(call, Reply):
            return call
        if self.phone.faults.freezes(call.size):
            raise Silence
        if call.target == "user" and (pace := self.phone.faults.number("ms_per_user")):
            await asyncio.sleep(call.size * pace / 1000)
        return api.answer(self.phone, call)


class Peer:
    """One connection, request by request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.http = h11.Connection(h11.SERVER, max_incomplete_event_size=CHUNK)
        self.address = str(writer.get_extra_info("peername", ("",))[0])

    async def receive(self) -> Request | None:
        """None when the other side is gone."""
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        if self.http.they_are_waiting_for_100_continue:
            self._write(h11.InformationalResponse(status_code=100, headers=[]))
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > BODY_BYTES:
                raise Cut
        if not isinstance(event, h11.EndOfMessage):
            return None
        return Request(
            method=head.method.decode(),
            target=head.target.decode(),
            headers={name.decode(): value.decode("latin-1") for name, value in head.headers},
            body=bytes(body),
            peer=self.address,
        )

    async def _event(self) -> object:
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(await self.reader.read(CHUNK))
        return event

    async def send(self, reply: Reply, *, half: bool = False) -> None:
        """`half`: the head promises all, half of it comes, and then the end."""
        sent = reply.body[: len(reply.body) // 2] if half else reply.body
        self._write(head_of(reply, len(reply.body)), h11.Data(data=sent))
        if half:
            await self.writer.drain()
            raise ConnectionAbortedError
        self._write(h11.EndOfMessage())
        await self.writer.drain()

    async def send_giant(self, size: int) -> None:
        self._write(head_of(Reply(), size))
        for start in range(0, size, CHUNK):
            self._write(h11.Data(data=b"[" * min(CHUNK, size - start)))
            await self.writer.drain()
        self._write(h11.EndOfMessage())

    def goes_on(self) -> bool:
        """Whether the connection is kept for another request."""
        if self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            return False
        self.http.start_next_cycle()
        return True

    def _write(self, *events: h11.Event) -> None:
        parts = [self.http.send(event) for event in events]
        self.writer.write(b"".join(part for part in parts if part))


def head_of(reply: Reply, length: int) -> h11.Response:
    headers = [("Content-Type", reply.content_type), ("Content-Length", str(length))]
    return h11.Response(status_code=reply.status, headers=[*headers, *reply.headers.items()])


def reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN: nothing is in order."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def send_soon(loop: asyncio.AbstractEventLoop, call: Callable[[str], None], url: str) -> None:
    """From whichever thread the phone was touched in."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(call, url)
