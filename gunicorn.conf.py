"""For `gunicorn` run by hand in this folder; `cip web` reads the same settings."""

from cip.cli.gunicorn_settings import (
    accesslog,
    bind,
    control_socket_disable,
    forwarded_allow_ips,
    graceful_timeout,
    keepalive,
    logconfig_dict,
    logger_class,
    on_starting,
    post_worker_init,
    threads,
    timeout,
    worker_class,
    worker_tmp_dir,
    workers,
    wsgi_app,
)

__all__ = [
    "accesslog",
    "bind",
    "control_socket_disable",
    "forwarded_allow_ips",
    "graceful_timeout",
    "keepalive",
    "logconfig_dict",
    "logger_class",
    "on_starting",
    "post_worker_init",
    "threads",
    "timeout",
    "worker_class",
    "worker_tmp_dir",
    "workers",
    "wsgi_app",
]
