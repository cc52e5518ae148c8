"""The web server's settings, read by gunicorn as `python:cip.cli.gunicorn_settings`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from cip.cli.guarded import die_with_parent
from cip.logs import logging_config
from cip.settings import load

_settings = load()

wsgi_app = "wsgi:server"
bind = f"{_settings.host}:{_settings.port}"
worker_class = "gthread"
workers = 2
threads = 4
keepalive = 15
timeout = 30  # of a worker that hangs as a whole; it does not bound a request (bodies and Redis do)
graceful_timeout = 10
control_socket_disable = True
# Never "*": a client could then say for itself that it came by TLS, and from where.
forwarded_allow_ips = ",".join(_settings.trusted_proxies)
# Heartbeat files belong in memory: on a slow disk they stall the workers they watch.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
logconfig_dict = logging_config("web") | {
    # gunicorn's own defaults name handlers that this configuration does not have.
    "loggers": {"gunicorn.error": {"propagate": True}, "gunicorn.access": {"propagate": False}}
}
accesslog = None  # the application logs each request itself, with its request id


def post_fork(_server: Any, worker: Any) -> None:
    """A worker ends with a killed master, at once: as long as it lives the port stays taken."""
    die_with_parent(worker.ppid, signal.SIGKILL)
