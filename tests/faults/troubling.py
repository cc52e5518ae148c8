"""Trouble on the wires all the while: delays, cuts and lost answers, at drawn moments."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from tests.faults.flow import wait_for
from tests.faults.proxy import Proxy

_PAUSE_SECONDS: Final = (0.3, 3.0)
_DELAY_SECONDS: Final = (0.01, 0.15)
_DELAYED_FOR_SECONDS: Final = (0.2, 1.5)


@contextmanager
def troubled(proxies: Sequence[Proxy], draw: random.Random) -> Iterator[None]:
    """While the block runs, one of the proxies does something every second or two."""
    done = threading.Event()

    def trouble() -> None:
        while not done.wait(draw.uniform(*_PAUSE_SECONDS)):
            proxy = draw.choice(proxies)
            what = draw.choice(("delay", "cut", "lose", "lose"))
            if what == "delay":
                proxy.delay(draw.uniform(*_DELAY_SECONDS))
                wait_for(draw.uniform(*_DELAYED_FOR_SECONDS))
                proxy.delay(0.0)
            elif what == "cut":
                proxy.cut()
            else:
                proxy.lose_answers(draw.randint(1, 3))

    thread = threading.Thread(target=trouble, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
