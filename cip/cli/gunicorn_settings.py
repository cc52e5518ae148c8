"""The web server's settings, read by gunicorn as `python:cip.cli.gunicorn_settings`."""

from __future__ import annotations

import gc
import signal
import sys
from pathlib import Path
from typing import Any

from cip import failpoints
from cip.cli.access_log import AccessLogger
from cip.cli.guarded import die_with_parent
from cip.cli.waiting import await_redis
from cip.domain.errors import CipError, SettingsError
from cip.logs import logging_config
from cip.services.production import refuse_demo_accounts
from cip.settings import load
from cip.store.client import connect
from cip.store.users import UserStore
from cip.web import timed_bodies

try:
    _settings = load()
except SettingsError as error:
    sys.exit(f"cip: {error.message}")

failpoints.arm(_settings.failpoints)  # the workers are forked from here
wsgi_app = "wsgi:server"
bind = f"{_settings.host}:{_settings.port}"
worker_class = "gthread"
workers = 2
threads = 8
keepalive = 15
timeout = 30  # of a worker that hangs as a whole; it does not bound a request (bodies and Redis do)
# gunicorn itself waits for a body as long as its sender likes, and for a sender to hang up in the
# one thread that accepts connections.
pre_request, post_request = timed_bodies.install, timed_bodies.linger
graceful_timeout = 10
control_socket_disable = True
# What a proxy says is read in one place, cip.web.proxies; here nobody is believed.
forwarded_allow_ips = ""
# Heartbeat files belong in memory: on a slow disk they stall the workers they watch.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
logconfig_dict = logging_config("web") | {
    # gunicorn's own defaults name handlers that this configuration does not have.
    "loggers": {"gunicorn.error": {"propagate": True}, "gunicorn.access": {"propagate": False}}
}
logger_class = AccessLogger
accesslog = None  # the logger writes its lines itself


def on_starting(_server: Any) -> None:
    """Production does not serve beside accounts whose passwords everybody knows."""
    if not _settings.production:
        return
    await_redis(_settings)
    client = connect(_settings.redis_url)
    try:
        refuse_demo_accounts(UserStore(client, client))
    except CipError as error:
        sys.exit(f"cip: {error.message}")


def post_worker_init(_worker: Any) -> None:
    """What has been loaded stays: the collector need not look through it again and again."""
    # Python's lock changes hands sooner: a short request beside one that parses thousands of
    # events asks for it several times, and waits this long each time (5 ms by default).
    sys.setswitchinterval(0.001)
    gc.collect()
    gc.freeze()


def post_fork(_server: Any, worker: Any) -> None:
    """A worker ends with a killed master, at once: as long as it lives the port stays taken."""
    die_with_parent(worker.ppid, signal.SIGKILL)
