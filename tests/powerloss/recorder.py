"""The library that records what is on the disk: compiled here, preloaded into who is recorded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("recorder.c")


def missing() -> str:
    """Why nothing can be recorded on this machine; empty where it can."""
    if sys.platform != "linux":
        return "the recording library is for Linux"
    return "" if _compiler() else "there is no C compiler (cc or gcc) for the recording library"


@dataclass(frozen=True, slots=True)
class Recorder:
    """What is recorded of one folder, and where. `root` is the folder's resolved path."""

    root: Path
    library: Path
    journal: Path
    shadow: Path

    @classmethod
    def of(cls, root: Path, beside: Path) -> Recorder:
        """A recorder for a folder that is empty still; its own files lie in `beside`, which must
        be on the same file system."""
        for folder in (root, beside / "shadow"):
            folder.mkdir(parents=True, exist_ok=True)
        found = cls(root.resolve(), beside / "recorder.so", beside / "journal", beside / "shadow")
        compile_library(found.library)
        return found

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs in its environment to be recorded, and its children with it."""
        return {
            "LD_PRELOAD": str(self.library),
            "POWERLOSS_ROOT": str(self.root),
            "POWERLOSS_JOURNAL": str(self.journal),
            "POWERLOSS_SHADOW": str(self.shadow),
        }


def compile_library(target: Path) -> None:
    compiler = _compiler()
    assert compiler, missing()
    options = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
    subprocess.run(
        [compiler, *options, "-o", str(target), str(SOURCE), "-ldl"],
        check=True,
        env=os.environ | {"LC_ALL": "C"},
    )


@cache
def _compiler() -> str:
    return next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), "")
