"""Logging: one JSON object per line, whoever wrote it (structlog or the standard library).

A newline inside a value is escaped by the JSON, so no input can forge a line. What a request
binds with `structlog.contextvars` (its `request_id`) stands on each of its lines. Values under
names that speak of credentials, and passwords inside URLs, are masked.
"""

from __future__ import annotations

import logging
import logging.config
import os
import re
from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor

_MASK = "***"
# JSON allows these bare inside a string, though many a log reader ends a line there.
_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_SECRET_NAME = re.compile(r"passw|secret|token|authori[sz]ation|cookie|api_?key", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@/]+@")


def configure(process: str, level: str = "INFO", stream: str = "stdout") -> None:
    """From here on every log line of this process is JSON on that standard stream."""
    logging.config.dictConfig(logging_config(process, level, stream))
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(process),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logging_config(process: str, level: str = "INFO", stream: str = "stdout") -> dict[str, Any]:
    """The same as a dictionary for `logging.config.dictConfig` (gunicorn takes it so)."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": json_formatter, "process": process}},
        "handlers": {
            stream: {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "stream": f"ext://sys.{stream}",
            }
        },
        "root": {"handlers": [stream], "level": level},
    }


def json_formatter(process: str) -> structlog.stdlib.ProcessorFormatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_shared(process)],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            masked,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
    )


def masked(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The event without the values that a log must not hold."""
    return {key: _masked_value(key, value) for key, value in event.items()}


def _masked_value(key: str, value: object) -> object:
    if _SECRET_NAME.search(key):
        return _MASK
    if isinstance(value, str):
        return _URL_PASSWORD.sub(rf"\1{_MASK}@", value)
    if isinstance(value, Mapping):
        return {str(name): _masked_value(str(name), inner) for name, inner in value.items()}
    return value


def _shared(process: str) -> list[Processor]:
    def add_process(_logger: object, _method: str, event: EventDict) -> EventDict:
        event.setdefault("process", process)
        event.setdefault("pid", os.getpid())
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_process,
    ]


def _json(event: EventDict, **_options: object) -> str:
    text = orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    return text.translate(_LINE_ENDS)
