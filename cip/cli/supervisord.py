"""The supervisor's process: supervisord itself, with its own log as JSON like everybody's."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from typing import Any

from supervisor import loggers, supervisord
from supervisor.options import ServerOptions

from cip.logs import json_formatter

_LEVELS = {50: logging.CRITICAL, 40: logging.ERROR, 30: logging.WARNING, 20: logging.INFO}


class _JsonLogger(loggers.Logger):  # type: ignore[misc]  # supervisor has no types
    """Passes supervisord's messages on to the standard library's logging."""

    def __init__(self, handler: logging.Handler) -> None:
        super().__init__()
        self._target = logging.getLogger("supervisord")
        self._target.propagate = False
        self._target.setLevel(logging.INFO)
        self._target.addHandler(handler)

    def log(self, level: int, msg: Any, **kw: Any) -> None:
        if level in _LEVELS:
            self._target.log(_LEVELS[level], "%s", msg % kw if kw else msg)


class _Options(ServerOptions):  # type: ignore[misc]  # supervisor has no types
    log_to_stdout = False

    def make_logger(self) -> None:
        handler: logging.Handler
        if self.log_to_stdout:
            handler = logging.StreamHandler(sys.stdout)
        else:
            handler = RotatingFileHandler(
                self.logfile, maxBytes=self.logfile_maxbytes, backupCount=self.logfile_backups
            )
        handler.setFormatter(json_formatter("supervisor"))
        self.logger = _JsonLogger(handler)
        for message in (*self.parse_criticals, *self.parse_warnings):
            self.logger.log(loggers.LevelsByName.WARN, message)


def main(config: str, *, log_to_stdout: bool) -> None:
    options = _Options()
    options.log_to_stdout = log_to_stdout
    options.realize(["-c", config])
    options.first = True
    options.test = False
    supervisord.go(options)


if __name__ == "__main__":
    main(sys.argv[1], log_to_stdout="--log-to-stdout" in sys.argv[2:])
