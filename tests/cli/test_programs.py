"""The supervisor's configuration: what runs, in which order, and never given up on."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import pytest

from cip.cli.programs import programs, supervisor_config
from cip.settings import Settings


def settings_of(home: Path, **more: str) -> Settings:
    return Settings.from_env({"CIP_HOME": str(home), **more})


def parsed(settings: Settings, *, log_to_stdout: bool = False) -> configparser.RawConfigParser:
    valkey = ("/opt/valkey server", "/etc/100%.conf") if settings.embedded else None
    text = supervisor_config(
        settings, programs(settings, valkey), log_to_stdout=log_to_stdout, user=None
    )
    config = configparser.RawConfigParser()
    config.read_string(text)
    return config


def test_the_embedded_server_starts_first_and_stops_last(tmp_path: Path) -> None:
    config = parsed(settings_of(tmp_path))
    valkey = config.getint("program:valkey", "priority")
    assert valkey < config.getint("group:platform", "priority")
    assert "valkey" not in config.get("group:platform", "programs").split(",")


def test_a_server_elsewhere_is_not_started_here(tmp_path: Path) -> None:
    config = parsed(settings_of(tmp_path, CIP_REDIS_URL="redis://elsewhere"))
    assert "program:valkey" not in config.sections()


@pytest.mark.parametrize(("demo", "present"), [("1", True), ("0", False)])
def test_the_demo_runs_in_demo_mode_only(tmp_path: Path, demo: str, present: bool) -> None:
    assert ("program:demo" in parsed(settings_of(tmp_path, CIP_DEMO=demo)).sections()) == present


def test_each_process_is_started_again_without_end(tmp_path: Path) -> None:
    config = parsed(settings_of(tmp_path, CIP_DEMO="1"))
    names = [name for name in config.sections() if name.startswith("program:")]
    assert len(names) == 7
    for name in names:
        assert config.get(name, "autorestart") == "true"
        assert config.getint(name, "startretries") >= 1_000_000


def test_each_process_ends_with_the_supervisor(tmp_path: Path) -> None:
    config = parsed(settings_of(tmp_path))
    for name in config.sections():
        if name.startswith("program:"):
            assert "cip.cli.guarded" in config.get(name, "command")


def test_paths_with_blanks_and_percent_signs_survive(tmp_path: Path) -> None:
    command = parsed(settings_of(tmp_path)).get("program:valkey", "command") % {}
    assert shlex.split(command)[-2:] == ["/opt/valkey server", "/etc/100%.conf"]


def test_logs_go_to_files_with_rotation_or_to_standard_output(tmp_path: Path) -> None:
    config = parsed(settings_of(tmp_path))
    assert config.get("program:web", "stdout_logfile") == str(tmp_path / "logs" / "web.log")
    assert config.get("program:web", "stdout_logfile_maxbytes") == "10MB"
    config = parsed(settings_of(tmp_path), log_to_stdout=True)
    assert config.get("program:web", "stdout_logfile") == "/dev/fd/1"
