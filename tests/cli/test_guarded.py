"""A guarded program ends with its parent, however the parent ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest

# Starts a guarded child, tells its pid, and waits.
_PARENT = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-m", "cip.cli.guarded", "--parent", str(os.getpid()),
    "--", sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"],
    stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_the_child_of_a_killed_parent_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        # The descriptor becomes readable when the process ends, whoever its parent is.
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    try:
        ended, _, _ = select.select([child], [], [], 10.0)
    finally:
        os.close(child)
    assert ended


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
@pytest.mark.parametrize("parent", ["session", "999999999"])
def test_a_child_whose_parent_was_gone_before_it_could_ask_does_not_begin(parent: str) -> None:
    # Neither is this test the leader of its session, nor has it that pid.
    command = [sys.executable, "-m", "cip.cli.guarded", "--parent", parent, "--", "/bin/echo", "up"]
    inner = f"import subprocess, sys; sys.exit(subprocess.run({command!r}).returncode)"
    ended = subprocess.run(
        [sys.executable, "-c", inner], capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "ended before it began" in ended.stderr
