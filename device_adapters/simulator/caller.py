"""Calls an action URL: one GET, nobody waits for it, nobody tries again (S16)."""

import asyncio
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

SECONDS = 3.0


async def call_url(url: str) -> None:
    """To loopback only: a simulated phone has no business elsewhere."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
        return
    with suppress(OSError, TimeoutError, ValueError):
        async with asyncio.timeout(SECONDS):
            await get(parts.hostname or "", parts.port or 80, parts.netloc, target(url))


async def get(host: str, port: int, name: str, path: str) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        await reader.read(1)
    finally:
        writer.close()


def target(url: str) -> str:
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return (parts.path or "/") + query


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
