"""The web process stays small and quick to start: it loads nothing that only jobs need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HEAVY = ("sklearn", "scipy", "duckdb", "deltalake", "cip.compute", "cip.history")


def test_the_web_process_loads_no_heavy_library(
    project: Path, redis_url: str, tmp_path: Path
) -> None:
    program = "import json, sys, wsgi; print(json.dumps(sorted(sys.modules)))"
    environ = {"CIP_REDIS_URL": redis_url, "CIP_HOME": str(tmp_path), "PATH": ""}
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project,
        env=environ,
        capture_output=True,
        check=True,
        text=True,
    )
    loaded = json.loads(run.stdout.splitlines()[-1])
    assert "cip.services" in loaded
    assert [name for name in loaded if name in HEAVY] == []


def test_the_commands_start_without_the_libraries_that_only_some_of_them_need(
    project: Path,
) -> None:
    program = "import json, sys, cip.cli.main; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, check=True, text=True
    )
    loaded = json.loads(run.stdout)
    assert [name for name in loaded if name in (*HEAVY, "pandas", "pyarrow")] == []
