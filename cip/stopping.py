"""The request to stop: made by a signal or a thread, waited for by loops."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType
from typing import Self


class StopRequest:
    """Like `threading.Event`, and safe to set inside a signal handler.

    A handler runs between two steps of the main thread. Should that thread just then hold the
    lock inside `Event.wait`, `Event.set` waits for it forever. A byte in a pipe needs no lock.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        self._set = False

    @classmethod
    def on_signals(cls, *numbers: signal.Signals) -> Self:
        """Set by any of these signals. The main thread alone may ask for it."""
        request = cls()

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            request.set()

        for number in numbers:
            signal.signal(number, on_signal)
        return request

    def set(self) -> None:
        if not self._set:
            self._set = True
            os.write(self._writer, b"\0")

    def is_set(self) -> bool:
        return self._set

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it is set by then; without `seconds` it waits until it is."""
        if not self._set:
            # `poll`, for `select` knows no descriptor above 1,023.
            waiting = select.poll()
            waiting.register(self._reader, select.POLLIN)
            waiting.poll(None if seconds is None else seconds * 1000)
        return self._set

    def __del__(self) -> None:
        for descriptor in (self._reader, self._writer):
            os.close(descriptor)
