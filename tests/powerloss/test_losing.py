"""The recording library and the loss of what was not synced, on files of a small program."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.powerloss.losing import Loss, lose_power
from tests.powerloss.recorder import Recorder, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
_TOOLS = """
import os, sys
os.chdir(sys.argv[1])

def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)

def write(path, text, how="w", synced=True):
    with open(path, how) as file:
        file.write(text)
    if synced:
        sync(path)
"""


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder.of(tmp_path / "root", tmp_path / "beside")


def run(recorder: Recorder, program: str) -> None:
    subprocess.run(
        [sys.executable, "-c", _TOOLS + textwrap.dedent(program), str(recorder.root)],
        env={**os.environ, **recorder.environment},
        check=True,
    )


def left(recorder: Recorder) -> Mapping[str, str | None]:
    """Every path and its text; None for a folder."""
    return {
        str(path.relative_to(recorder.root)): path.read_text() if path.is_file() else None
        for path in recorder.root.rglob("*")
    }


def after(recorder: Recorder, program: str) -> Mapping[str, str | None]:
    run(recorder, program)
    lose_power(recorder)
    return left(recorder)


def test_a_synced_file_in_a_synced_folder_stays(recorder: Recorder) -> None:
    assert after(recorder, "write('a', 'text'); sync('.')") == {"a": "text"}


def test_a_synced_file_has_no_name_until_its_folder_is_synced(recorder: Recorder) -> None:
    assert after(recorder, "write('a', 'text')") == {}


def test_a_name_without_a_synced_file_is_an_empty_file(recorder: Recorder) -> None:
    assert after(recorder, "write('a', 'text', synced=False); sync('.')") == {"a": ""}


def test_what_was_appended_after_the_sync_is_cut(recorder: Recorder) -> None:
    program = """
        write('a', 'kept')
        sync('.')
        write('a', ' and lost', 'a', synced=False)
    """
    assert after(recorder, program) == {"a": "kept"}


def test_fdatasync_is_a_sync(recorder: Recorder) -> None:
    program = """
        with open('a', 'w') as file:
            file.write('kept')
            file.flush()
            os.fdatasync(file.fileno())
        sync('.')
    """
    assert after(recorder, program) == {"a": "kept"}


def test_a_removed_file_is_back_until_its_folder_is_synced(recorder: Recorder) -> None:
    program = "write('a', 'a'); write('b', 'b'); sync('.'); os.unlink('a')"
    assert after(recorder, program) == {"a": "a", "b": "b"}
    assert after(recorder, "os.unlink('a'); sync('.')") == {"b": "b"}


@pytest.mark.parametrize("call", ["os.rename", "os.replace"])
def test_a_replaced_file_is_back_until_its_folder_is_synced(recorder: Recorder, call: str) -> None:
    program = f"write('a', 'old'); sync('.'); write('b', 'new'); {call}('b', 'a')"
    assert after(recorder, program) == {"a": "old"}
    assert after(recorder, f"write('b', 'new'); {call}('b', 'a'); sync('.')") == {"a": "new"}


def test_a_name_given_with_a_folder_s_descriptor_is_followed(recorder: Recorder) -> None:
    program = """
        os.mkdir('sub')
        sync('.')
        write('sub/a', 'old')
        sync('sub')
        folder = os.open('sub', os.O_RDONLY)
        write('sub/b', 'new')
        os.replace('b', 'a', src_dir_fd=folder, dst_dir_fd=folder)
        write('sub/c', 'gone')
        os.unlink('c', dir_fd=folder)
    """
    assert after(recorder, program) == {"sub": None, "sub/a": "old"}


def test_a_link_is_a_name_of_the_same_file(recorder: Recorder) -> None:
    program = "write('a', 'text'); os.link('a', 'b'); sync('.'); os.unlink('a')"
    assert after(recorder, program) == {"a": "text", "b": "text"}


def test_a_folder_nobody_synced_is_lost_with_all_that_is_in_it(recorder: Recorder) -> None:
    program = "os.mkdir('sub'); write('sub/a', 'text'); sync('sub')"
    assert after(recorder, program) == {}
    assert after(recorder, program + "; sync('.')") == {"sub": None, "sub/a": "text"}


@pytest.mark.parametrize("cut", ["open('a', 'w').close()", "os.truncate('a', 0)"])
def test_a_file_that_was_cut_and_written_anew_has_lost_the_old_text(
    recorder: Recorder, cut: str
) -> None:
    program = f"write('a', 'before'); sync('.'); {cut}; write('a', 'anew', 'a', synced=False)"
    assert after(recorder, program) == {"a": ""}


def test_the_state_after_a_loss_is_on_the_disk(recorder: Recorder) -> None:
    run(recorder, "write('a', 'text'); sync('.'); write('b', 'lost', synced=False)")
    assert lose_power(recorder) == Loss(bytes=0, names=1, returned=0)
    assert lose_power(recorder) == Loss(bytes=0, names=0, returned=0)
    assert left(recorder) == {"a": "text"}


def test_a_drawn_loss_keeps_what_was_synced_and_loses_parts_of_the_rest(
    recorder: Recorder,
) -> None:
    draw = random.Random(1)
    run(recorder, "write('a', '0123'); sync('.')")
    lengths, names = set(), set()
    for _ in range(20):
        run(recorder, "write('a', '4567', 'a', synced=False); write('b', '', synced=False)")
        lose_power(recorder, draw)
        found = dict(left(recorder))
        lengths.add(len(found["a"] or ""))
        names.add("b" in found)
        assert "01234567".startswith(found["a"] or "-")
        run(recorder, "os.truncate('a', 4); sync('a'); open('b', 'w'); os.unlink('b'); sync('.')")
    assert lengths >= {4, 8}
    assert len(lengths) > 2
    assert names == {True, False}


def test_a_file_outside_the_folder_is_not_recorded(recorder: Recorder, tmp_path: Path) -> None:
    run(recorder, f"write({str(tmp_path / 'other')!r}, 'text')")
    assert not recorder.journal.exists()
