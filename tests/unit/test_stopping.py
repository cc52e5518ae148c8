"""A request to stop arrives at any moment, inside a wait as well, and is heard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

from cip.stopping import StopRequest

# Waits without a pause, while its parent sends signals: some fall on every step of `wait`.
WAITS = """
import signal, sys
from cip.stopping import StopRequest
stop = StopRequest()
heard = 0
def on_signal(*_):
    global heard
    heard += 1
    again.set()
again = StopRequest()
signal.signal(signal.SIGUSR1, on_signal)
signal.signal(signal.SIGTERM, lambda *_: stop.set())
print("ready", flush=True)
while not stop.wait(1e-6):
    if again.wait(1e-6):
        again = StopRequest()
print(heard > 100)
"""


def test_a_signal_at_any_step_of_a_wait_is_heard() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITS], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        for _ in range(3_000):
            os.kill(child.pid, signal.SIGUSR1)
            time.sleep(0.0003)
        child.terminate()
        try:
            answer, _ = child.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
    assert answer == "True\n"


def test_a_wait_ends_when_another_thread_asks() -> None:
    stop = StopRequest()
    begun = time.monotonic()
    threading.Timer(0.05, stop.set).start()
    assert stop.wait(30)
    assert time.monotonic() - begun < 20


def test_a_wait_ends_after_its_seconds() -> None:
    stop = StopRequest()
    assert not stop.wait(0.01)
    stop.set()
    stop.set()
    assert stop.is_set()
    assert stop.wait()
