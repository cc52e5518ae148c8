"""A TCP proxy in the harness's own process: it delays, cuts, and loses answers on their way."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

_CHUNK: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)  # a close that is no polite end


class Proxy:
    """Forwards from a port of its own to 127.0.0.1:`target`, which may change meanwhile."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.seen: Counter[str] = Counter()
        self._delay = 0.0
        self._lose = 0
        self._pairs: set[_Pair] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        begun = threading.Event()
        self._loop.call_soon(begun.set)
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0)
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread.start()
        assert begun.wait(10.0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10.0)
        self._loop.close()

    def delay(self, seconds: float) -> None:
        """From now on each piece, either way, takes that much longer."""
        self._call(lambda: setattr(self, "_delay", seconds))

    def cut(self) -> None:
        """Resets every connection there is, whatever is under way on it."""
        self._call(self._cut)

    def lose_answers(self, number: int) -> None:
        """The next answers do not arrive: their requests were forwarded, and the connections are
        reset when the answer comes back."""
        self._call(lambda: setattr(self, "_lose", number))

    def _call(self, action: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(action)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _cut(self) -> None:
        for pair in tuple(self._pairs):
            self.seen["cut"] += 1
            pair.reset()

    async def _close(self) -> None:
        self._server.close()
        self._cut()
        if rest := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(rest, timeout=5.0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            _reset(writer)
            return
        pair = _Pair(writer, onward[1])
        self._pairs.add(pair)
        try:
            await asyncio.gather(
                self._requests(reader, onward[1]), self._answers(onward[0], writer)
            )
        except OSError:
            pair.reset()
        finally:
            writer.close()
            onward[1].close()
            self._pairs.discard(pair)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(_CHUNK):
            await self._pass(piece, writer)
        writer.write_eof()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(_CHUNK):
            if self._lose > 0:
                self._lose -= 1
                self.seen["answer lost"] += 1
                raise ConnectionResetError
            await self._pass(piece, writer)
        writer.write_eof()

    async def _pass(self, piece: bytes, writer: asyncio.StreamWriter) -> None:
        if self._delay:
            self.seen["delayed"] += 1
            await asyncio.sleep(self._delay)
        writer.write(piece)
        await writer.drain()


class _Pair:
    """The two connections of one client."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self._writers = writers

    def reset(self) -> None:
        for writer in self._writers:
            _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    kept: socket.socket | None = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if kept is not None:
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
