"""The settings: one frozen, typed object. Nothing else in the platform reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from cip import settings_values as values
from cip.domain.errors import SettingsError
from cip.domain.tenants import TenantId

Environment = Literal["development", "production"]


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the environment: what `docs/settings.md` says of it is tested against this."""

    name: str
    default: str
    aliases: tuple[str, ...] = ()
    secret: bool = False

    @property
    def file_name(self) -> str:
        return f"{self.name}_FILE"


VARIABLES: Mapping[str, Variable] = {
    variable.name: variable
    for variable in (
        Variable("CIP_ENV", "development"),
        Variable("CIP_HOME", "./var"),
        Variable("CIP_HOST", "127.0.0.1"),
        Variable("CIP_PORT", "8050"),
        Variable("CIP_PUBLIC_URL", ""),
        Variable("CIP_REDIS_URL", "", aliases=("REDIS_URL",), secret=True),
        Variable("CIP_BROKER_URL", "", secret=True),
        Variable("CIP_HISTORY_URL", ""),
        Variable("CIP_SECRET_KEY", "", secret=True),
        Variable("CIP_SECRET_KEY_PREVIOUS", "", secret=True),
        Variable("CIP_DEMO_FALLBACK", "0"),
        Variable("CIP_CACHE_TTL_SECONDS", "30"),
        Variable("CIP_REFRESH_SECONDS", "30"),
        Variable("CIP_DEFAULT_TENANT", "demo_tenant", aliases=("TENANT_ID",)),
        Variable("CIP_DEMO", "0"),
        Variable("CIP_TRUSTED_PROXIES", ""),
        Variable("CIP_MAX_LAG_EVENTS", "1000000"),
        Variable("CIP_MIN_FREE_DISK_MB", "1024"),
        Variable("CIP_EMBEDDED_MEMORY_MB", "0"),
        Variable("CIP_RATE_LIMIT_REQUESTS", "6000"),
        Variable("CIP_METRICS_TOKEN", "", secret=True),
        Variable("CIP_FAILPOINTS", ""),
    )
}

# Read by the tests alone (where the public data sets are); no setting of the platform.
_TOLERATED = frozenset({"CIP_REALDATA"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process. The attributes are the variables without `CIP_`, lower-case.

    What is not known before the embedded server ran once (`redis_url`, `broker_url`), and the
    secret that development makes for itself, are resolved on reading: those may raise
    `SettingsError` too.
    """

    env: Environment
    home: Path
    host: str
    port: int
    public_url: str
    history_url: str
    demo_fallback: bool
    cache_ttl_seconds: int
    refresh_seconds: int
    default_tenant: TenantId
    demo: bool
    trusted_proxies: tuple[str, ...]
    max_lag_events: int
    min_free_disk_mb: int
    embedded_memory_mb: int
    rate_limit_requests: int
    failpoints: Path | None
    given_redis_url: str = field(repr=False)
    given_broker_url: str = field(repr=False)
    given_secret_key: str = field(repr=False)
    previous_secret_key: str = field(repr=False)
    metrics_token: str = field(repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """The settings that `environ` spells out; `SettingsError` names the variable at fault."""
        _refuse_unknown(environ)
        text = {name: _text(variable, environ) for name, variable in VARIABLES.items()}
        home = values.folder("CIP_HOME", text["CIP_HOME"])
        settings = cls(
            env=values.environment("CIP_ENV", text["CIP_ENV"]),
            home=home,
            host=values.host("CIP_HOST", text["CIP_HOST"]),
            port=values.whole("CIP_PORT", text["CIP_PORT"], 1, 65_535),
            public_url=values.public_url("CIP_PUBLIC_URL", text["CIP_PUBLIC_URL"]),
            history_url=values.history_url("CIP_HISTORY_URL", text["CIP_HISTORY_URL"], home),
            demo_fallback=values.switch("CIP_DEMO_FALLBACK", text["CIP_DEMO_FALLBACK"]),
            cache_ttl_seconds=values.whole(
                "CIP_CACHE_TTL_SECONDS", text["CIP_CACHE_TTL_SECONDS"], 0, 86_400
            ),
            refresh_seconds=values.whole(
                "CIP_REFRESH_SECONDS", text["CIP_REFRESH_SECONDS"], 1, 86_400
            ),
            default_tenant=values.tenant("CIP_DEFAULT_TENANT", text["CIP_DEFAULT_TENANT"]),
            demo=values.switch("CIP_DEMO", text["CIP_DEMO"]),
            trusted_proxies=values.networks("CIP_TRUSTED_PROXIES", text["CIP_TRUSTED_PROXIES"]),
            max_lag_events=values.whole(
                "CIP_MAX_LAG_EVENTS", text["CIP_MAX_LAG_EVENTS"], 1_000, 10**9
            ),
            min_free_disk_mb=values.whole(
                "CIP_MIN_FREE_DISK_MB", text["CIP_MIN_FREE_DISK_MB"], 0, 10**9
            ),
            embedded_memory_mb=values.whole(
                "CIP_EMBEDDED_MEMORY_MB", text["CIP_EMBEDDED_MEMORY_MB"], 0, 10**9
            ),
            rate_limit_requests=values.whole(
                "CIP_RATE_LIMIT_REQUESTS", text["CIP_RATE_LIMIT_REQUESTS"], 0, 1_000_000
            ),
            failpoints=values.optional_folder("CIP_FAILPOINTS", text["CIP_FAILPOINTS"]),
            given_redis_url=values.redis_url("CIP_REDIS_URL", text["CIP_REDIS_URL"]),
            given_broker_url=values.redis_url("CIP_BROKER_URL", text["CIP_BROKER_URL"]),
            given_secret_key=values.secret_key("CIP_SECRET_KEY", text["CIP_SECRET_KEY"]),
            previous_secret_key=values.secret_key(
                "CIP_SECRET_KEY_PREVIOUS", text["CIP_SECRET_KEY_PREVIOUS"]
            ),
            metrics_token=values.token("CIP_METRICS_TOKEN", text["CIP_METRICS_TOKEN"]),
        )
        _refuse_pointless_rotation(settings)
        _refuse_weak_production(settings)
        return settings

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def embedded(self) -> bool:
        """Whether the platform runs its own Redis-compatible server under `home`."""
        return not self.given_redis_url

    @property
    def valkey_folder(self) -> Path:
        return self.home / "valkey"

    @property
    def redis_url(self) -> str:
        """The URL given, or else that of the embedded server, which `cip up` writes down."""
        if self.given_redis_url:
            return self.given_redis_url
        try:
            return (self.valkey_folder / "url").read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(
                "CIP_REDIS_URL is empty and no embedded server has run under "
                f"{self.home}: start it with `make run` or `cip up`, or set CIP_REDIS_URL.",
                field="CIP_REDIS_URL",
            ) from error

    @property
    def broker_url(self) -> str:
        return self.given_broker_url or self.redis_url

    @property
    def secret_key(self) -> str:
        """The secret given; in development else one made once and kept under `home`."""
        return self.given_secret_key or values.kept_secret(self.home / "secret_key")


def load() -> Settings:
    """The settings of this process's own environment, for entry points."""
    return Settings.from_env(os.environ)


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = set(VARIABLES) | _TOLERATED
    known |= {variable.file_name for variable in VARIABLES.values() if variable.secret}
    for name in sorted(environ):
        if name.startswith("CIP_") and name not in known:
            raise SettingsError(values.unknown_name(name, known), field=name)


def _text(variable: Variable, environ: Mapping[str, str]) -> str:
    """The text of a variable: its own, that of its file, of an alias, or the default."""
    own = environ.get(variable.name, "").strip()
    path = environ.get(variable.file_name, "").strip() if variable.secret else ""
    if own and path:
        raise SettingsError(
            f"Set {variable.name} or {variable.file_name}, not both.", field=variable.name
        )
    if path:
        return values.file_text(variable.file_name, path)
    aliases = (environ.get(alias, "").strip() for alias in variable.aliases)
    return own or next(filter(None, aliases), variable.default)


def _refuse_pointless_rotation(settings: Settings) -> None:
    previous = settings.previous_secret_key
    if previous and previous == settings.given_secret_key:
        raise SettingsError(
            "CIP_SECRET_KEY_PREVIOUS must differ from CIP_SECRET_KEY: it is the one before.",
            field="CIP_SECRET_KEY_PREVIOUS",
        )


def _refuse_weak_production(settings: Settings) -> None:
    if not settings.production:
        return
    faults = {
        "CIP_DEMO": settings.demo and "cannot be on with CIP_ENV=production.",
        "CIP_DEMO_FALLBACK": settings.demo_fallback and "cannot be on with CIP_ENV=production.",
        "CIP_FAILPOINTS": settings.failpoints and "cannot be on with CIP_ENV=production.",
        "CIP_SECRET_KEY": not settings.given_secret_key
        and "must be set with CIP_ENV=production: at least 32 random bytes, "
        "for example from `openssl rand -base64 48`.",
        "CIP_PUBLIC_URL": settings.public_url.startswith("http://")
        and "must begin with https:// with CIP_ENV=production.",
        "CIP_TRUSTED_PROXIES": not settings.trusted_proxies
        and "must be set with CIP_ENV=production: the addresses of the TLS proxy in front, "
        "for example 127.0.0.1 for one on this machine.",
    }
    for name, fault in faults.items():
        if fault:
            raise SettingsError(f"{name} {fault}", field=name)
