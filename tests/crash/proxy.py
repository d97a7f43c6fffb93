"""A TCP proxy in front of a PostgreSQL server that cuts the connection after a number of bytes, or around a COMMIT."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.crash.fork import run
from tests.crash.trials import after
from tests.crash.world import World

Direction = Literal["up", "down"]
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"


@dataclass
class Proxy:
    """`cut_at` bytes of a direction go through and no more. `commit` is cut before it is forwarded, or before its
    reply is: then the server has committed and the client does not know.
    """

    server: str  # host, or the folder of a socket
    server_port: int
    direction: Direction = "up"
    cut_at: int | None = None
    commit: tuple[int, Literal["before", "reply"]] | None = None
    port: int = 0
    passed: dict[Direction, int] = field(default_factory=lambda: {"up": 0, "down": 0})
    commits: int = 0
    is_cut: bool = False

    async def _serve(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        if self.is_cut:
            client_out.close()
            return
        if self.server.startswith("/"):
            path = f"{self.server}/.s.PGSQL.{self.server_port}"
            server_in, server_out = await asyncio.open_unix_connection(path)
        else:
            server_in, server_out = await asyncio.open_connection(self.server, self.server_port)
        drop_reply = asyncio.Event()
        up = asyncio.create_task(self._pump("up", client_in, server_out, drop_reply))
        down = asyncio.create_task(self._pump("down", server_in, client_out, drop_reply))
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        for task in (up, down):
            task.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await task
        for writer in (client_out, server_out):
            writer.close()

    async def _pump(
        self, way: Direction, source: asyncio.StreamReader, sink: asyncio.StreamWriter, drop_reply: asyncio.Event
    ) -> None:
        while piece := await source.read(1 << 14):
            if way == "down" and drop_reply.is_set():
                self.is_cut = True
                return
            if way == "up" and COMMIT in piece:
                self.commits += piece.count(COMMIT)
                if self.commit is not None and self.commits >= self.commit[0] and not self.is_cut:
                    if self.commit[1] == "before":
                        self.is_cut = True
                        return
                    drop_reply.set()
            if way == self.direction and self.cut_at is not None and self.passed[way] + len(piece) >= self.cut_at:
                sink.write(piece[: max(0, self.cut_at - self.passed[way])])
                with suppress(OSError):
                    await sink.drain()
                self.is_cut = True
                return
            self.passed[way] += len(piece)
            sink.write(piece)
            await sink.drain()


@contextmanager
def running(proxy: Proxy) -> Iterator[Proxy]:
    """Run the proxy in a thread of its own, on a free port of this machine."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await stop.wait()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def proxy_of(world: World) -> Proxy:
    """Return a proxy in front of the server of a world."""
    said = conninfo_to_dict(world.dsn)
    return Proxy(str(said.get("host") or "127.0.0.1"), int(said.get("port") or 5432))


def through(world: World, proxy: Proxy) -> World:
    """Return the world as it is reached through a proxy that runs."""
    said = conninfo_to_dict(world.dsn)
    return replace(world, dsn=make_conninfo(**{**said, "host": "127.0.0.1", "port": proxy.port, "sslmode": "disable"}))


def cut_sync(world: World, proxy: Proxy) -> list[str]:
    """Sync through a proxy that cuts, and look."""
    with running(proxy):
        ended = run(through(world, proxy).sync)
    if ended.signal:
        return [f"the sync died of signal {ended.signal}"]
    return after(world, ended)
