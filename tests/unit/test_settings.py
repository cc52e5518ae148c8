"""Settings: every variable is read, checked, and named when it is at fault."""

from __future__ import annotations

import base64
import multiprocessing
import secrets
import stat
from pathlib import Path

import pytest

from cip.domain.errors import SettingsError
from cip.settings import VARIABLES, Settings
from cip.settings_values import kept_secret

GOOD_SECRET = "q9Xw2LpZr7VtB4nKcY8sHdJm3FgU6aEo"
OTHER_SECRET = "Zt5RbN0eWk8yQ1uVhP3sXc7LdGm2JfTa"


def production(**more: str) -> dict[str, str]:
    return {
        "CIP_ENV": "production",
        "CIP_SECRET_KEY": GOOD_SECRET,
        "CIP_TRUSTED_PROXIES": "127.0.0.1",
        **more,
    }


def fault_of(environ: dict[str, str]) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    return caught.value


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = Settings.from_env({})
    assert (settings.env, settings.host, settings.port) == ("development", "127.0.0.1", 8050)
    assert settings.home == Path("var").absolute()
    assert settings.history_url == str(Path("var/history").absolute())
    assert (settings.cache_ttl_seconds, settings.refresh_seconds) == (30, 30)
    assert settings.default_tenant == "demo_tenant"
    assert (settings.demo, settings.demo_fallback, settings.embedded) == (False, False, True)
    assert settings.trusted_proxies == ()
    assert (settings.max_lag_events, settings.min_free_disk_mb) == (1_000_000, 1_024)
    assert settings.embedded_memory_mb == 0
    assert settings.public_url == ""


def test_every_variable_is_read() -> None:
    settings = Settings.from_env(
        {
            "CIP_ENV": "development",
            "CIP_HOME": "/srv/cip",
            "CIP_HOST": "0.0.0.0",
            "CIP_PORT": "9000",
            "CIP_PUBLIC_URL": "http://cip.example.com:8443/",
            "CIP_REDIS_URL": "rediss://r/1",
            "CIP_BROKER_URL": "redis://b/2",
            "CIP_HISTORY_URL": "s3://bucket/path/",
            "CIP_SECRET_KEY": GOOD_SECRET,
            "CIP_SECRET_KEY_PREVIOUS": OTHER_SECRET,
            "CIP_DEMO_FALLBACK": "yes",
            "CIP_CACHE_TTL_SECONDS": "0",
            "CIP_REFRESH_SECONDS": "5",
            "CIP_DEFAULT_TENANT": "acme",
            "CIP_DEMO": "true",
            "CIP_TRUSTED_PROXIES": "10.0.0.5, 10.1.0.0/16",
            "CIP_MAX_LAG_EVENTS": "5000",
            "CIP_MIN_FREE_DISK_MB": "0",
            "CIP_EMBEDDED_MEMORY_MB": "256",
            "CIP_METRICS_TOKEN": "of-monitoring-42",
        }
    )
    assert (settings.host, settings.port) == ("0.0.0.0", 9000)
    assert settings.public_url == "http://cip.example.com:8443"
    assert (settings.redis_url, settings.broker_url) == ("rediss://r/1", "redis://b/2")
    assert settings.history_url == "s3://bucket/path"
    assert (settings.secret_key, settings.previous_secret_key) == (GOOD_SECRET, OTHER_SECRET)
    assert (settings.demo, settings.demo_fallback) == (True, True)
    assert (settings.cache_ttl_seconds, settings.refresh_seconds) == (0, 5)
    assert settings.default_tenant == "acme"
    assert settings.trusted_proxies == ("10.0.0.5", "10.1.0.0/16")
    assert (settings.max_lag_events, settings.min_free_disk_mb) == (5_000, 0)
    assert settings.embedded_memory_mb == 256
    assert settings.metrics_token == "of-monitoring-42"


def test_the_broker_is_the_redis_unless_given() -> None:
    assert Settings.from_env({"CIP_REDIS_URL": "redis://r/1"}).broker_url == "redis://r/1"


def test_the_older_names_are_aliases_and_give_way() -> None:
    older = {"REDIS_URL": "redis://old/0", "TENANT_ID": "old_tenant"}
    settings = Settings.from_env(older)
    assert (settings.redis_url, settings.default_tenant) == ("redis://old/0", "old_tenant")
    settings = Settings.from_env(
        {**older, "CIP_REDIS_URL": "redis://new/0", "CIP_DEFAULT_TENANT": "new_tenant"}
    )
    assert (settings.redis_url, settings.default_tenant) == ("redis://new/0", "new_tenant")


def test_an_empty_variable_is_an_absent_one() -> None:
    settings = Settings.from_env(dict.fromkeys(VARIABLES, ""))
    assert settings == Settings.from_env({})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CIP_ENV", "staging"),
        ("CIP_HOST", "a b"),
        ("CIP_PORT", "0"),
        ("CIP_PORT", "65536"),
        ("CIP_PORT", "80.5"),
        ("CIP_PORT", "٨٠"),
        ("CIP_PUBLIC_URL", "cip.example.com"),
        ("CIP_PUBLIC_URL", "ftp://cip.example.com"),
        ("CIP_PUBLIC_URL", "https://cip.example.com/platform"),
        ("CIP_PUBLIC_URL", "https://cip.example.com//"),
        ("CIP_PUBLIC_URL", "https://alice@cip.example.com"),
        ("CIP_PUBLIC_URL", "https://cip.example.com?"),
        ("CIP_PUBLIC_URL", "https:///"),
        ("CIP_REDIS_URL", "http://r"),
        ("CIP_BROKER_URL", "amqp://r"),
        ("CIP_HISTORY_URL", "s3://"),
        ("CIP_DEMO", "maybe"),
        ("CIP_DEMO_FALLBACK", "2"),
        ("CIP_CACHE_TTL_SECONDS", "-1"),
        ("CIP_REFRESH_SECONDS", "0"),
        ("CIP_DEFAULT_TENANT", "Acme{}"),
        ("CIP_TRUSTED_PROXIES", "*"),
        ("CIP_TRUSTED_PROXIES", "0.0.0.0/0"),
        ("CIP_TRUSTED_PROXIES", "proxy.local"),
        ("CIP_METRICS_TOKEN", "fifteen letters"),
        ("CIP_METRICS_TOKEN", "sixteen letters or more"),
        ("CIP_METRICS_TOKEN", "zu kurz ist das nicht, aber größer"),
        ("CIP_SECRET_KEY", "short"),
        ("CIP_SECRET_KEY", "x" * 31),
        ("CIP_SECRET_KEY_PREVIOUS", "short"),
        ("CIP_SECRET_KEY_PREVIOUS", "dev-secret-key-change-in-production"),
    ],
)
def test_a_malformed_value_names_its_variable(name: str, text: str) -> None:
    error = fault_of({name: text})
    assert error.field == name
    assert name in error.message


def test_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    error = fault_of({"CIP_REDIS_ULR": "redis://r"})
    assert error.field == "CIP_REDIS_ULR"
    assert "CIP_REDIS_URL" in error.message


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    assert fault_of({"CIP_HOME": str(tmp_path / "home")}).field == "CIP_HOME"


def test_no_message_and_no_repr_shows_a_secret() -> None:
    url = "http://:hunter2hunter2@r"
    assert "hunter2" not in fault_of({"CIP_REDIS_URL": url}).message
    assert "hunter3" not in fault_of({"CIP_SECRET_KEY": "hunter3"}).message
    assert "hunter4" not in fault_of({"CIP_METRICS_TOKEN": "hunter4"}).message
    all_of_them = {
        "CIP_SECRET_KEY": GOOD_SECRET,
        "CIP_SECRET_KEY_PREVIOUS": OTHER_SECRET,
        "CIP_METRICS_TOKEN": "of-monitoring-42",
    }
    text = repr(Settings.from_env(all_of_them))
    for secret in all_of_them.values():
        assert secret not in text


def test_a_secret_comes_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(GOOD_SECRET + "\n")
    assert Settings.from_env({"CIP_SECRET_KEY_FILE": str(path)}).secret_key == GOOD_SECRET
    both = fault_of({"CIP_SECRET_KEY_FILE": str(path), "CIP_SECRET_KEY": GOOD_SECRET})
    assert both.field == "CIP_SECRET_KEY"
    rotating = {"CIP_SECRET_KEY": OTHER_SECRET, "CIP_SECRET_KEY_PREVIOUS_FILE": str(path)}
    assert Settings.from_env(rotating).previous_secret_key == GOOD_SECRET


def test_the_secret_before_differs_from_the_secret() -> None:
    same = {"CIP_SECRET_KEY": GOOD_SECRET, "CIP_SECRET_KEY_PREVIOUS": GOOD_SECRET}
    assert fault_of(same).field == "CIP_SECRET_KEY_PREVIOUS"
    assert Settings.from_env({"CIP_SECRET_KEY": GOOD_SECRET}).previous_secret_key == ""


@pytest.mark.parametrize(
    "secret",
    [
        "0123456789" * 4,
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "q9Xw2LpZr7VtB4nK" * 3,
        "your-super-secret-jwt-token-with-at-least-32-characters-long",
        "a-string-secret-at-least-256-bits-long",
        "thisismyscretkeythisismyscretkeythisismyscretkey",
        "django-insecure-3k9x!q2z@8w$e5r%t7y^u1i&o4p",
    ],
)
def test_a_secret_that_is_known_or_regular_is_refused_everywhere(secret: str) -> None:
    error = fault_of({"CIP_SECRET_KEY": secret})
    assert (error.field, secret in error.message) == ("CIP_SECRET_KEY", False)


def test_what_openssl_makes_is_taken() -> None:
    for _ in range(200):
        text = base64.b64encode(secrets.token_bytes(48)).decode()
        assert Settings.from_env({"CIP_SECRET_KEY": text}).secret_key == text
        assert Settings.from_env({"CIP_SECRET_KEY": secrets.token_hex(32)})


@pytest.mark.parametrize("content", [None, "", "  \n"])
def test_a_secret_file_that_says_nothing_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_text(content)
    assert fault_of({"CIP_SECRET_KEY_FILE": str(path)}).field == "CIP_SECRET_KEY_FILE"


def test_only_secrets_have_files() -> None:
    assert fault_of({"CIP_PORT_FILE": "/etc/port"}).field == "CIP_PORT_FILE"


@pytest.mark.parametrize(
    ("environ", "field"),
    [
        ({"CIP_ENV": "production"}, "CIP_SECRET_KEY"),
        (production(CIP_SECRET_KEY="x" * 31), "CIP_SECRET_KEY"),
        (production(CIP_SECRET_KEY="0123456789" * 3), "CIP_SECRET_KEY"),
        (production(CIP_SECRET_KEY="a" * 64), "CIP_SECRET_KEY"),
        (production(CIP_SECRET_KEY="CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET"), "CIP_SECRET_KEY"),
        (production(CIP_SECRET_KEY="dev-secret-key-change-in-production"), "CIP_SECRET_KEY"),
        (production(CIP_DEMO="1"), "CIP_DEMO"),
        (production(CIP_FAILPOINTS="/tmp/points"), "CIP_FAILPOINTS"),  # noqa: S108 - opens nothing
        (production(CIP_DEMO_FALLBACK="1"), "CIP_DEMO_FALLBACK"),
        (production(CIP_TRUSTED_PROXIES=""), "CIP_TRUSTED_PROXIES"),
        (production(CIP_PUBLIC_URL="http://cip.example.com"), "CIP_PUBLIC_URL"),
    ],
)
def test_production_refuses_what_is_only_fit_for_a_demo(
    environ: dict[str, str], field: str
) -> None:
    error = fault_of(environ)
    assert error.field == field
    assert "\n" not in error.message


def test_production_with_a_good_secret_starts() -> None:
    settings = Settings.from_env(production(CIP_PUBLIC_URL="https://cip.example.com"))
    assert settings.production
    assert settings.public_url == "https://cip.example.com"


def test_development_makes_one_secret_and_keeps_it_private(tmp_path: Path) -> None:
    environ = {"CIP_HOME": str(tmp_path / "home")}
    first = Settings.from_env(environ).secret_key
    assert len(first.encode()) >= 32
    assert Settings.from_env(environ).secret_key == first
    assert stat.S_IMODE((tmp_path / "home" / "secret_key").stat().st_mode) == 0o600


def test_processes_that_start_together_share_one_secret(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        kept = pool.map(kept_secret, [tmp_path / "secret_key"] * 8)
    assert len(set(kept)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_the_embedded_url_is_read_when_it_is_wanted(tmp_path: Path) -> None:
    settings = Settings.from_env({"CIP_HOME": str(tmp_path)})
    with pytest.raises(SettingsError, match="make run"):
        _ = settings.redis_url
    (tmp_path / "valkey").mkdir()
    (tmp_path / "valkey" / "url").write_text("redis://:pw@127.0.0.1:7001/0\n")
    assert settings.redis_url == "redis://:pw@127.0.0.1:7001/0"
