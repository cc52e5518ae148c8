"""How the text of a setting becomes a value. Each function names the variable in its error."""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import secrets
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Literal, NoReturn
from urllib.parse import urlsplit

from cip.domain.errors import InvalidInputError, SettingsError
from cip.domain.tenants import TenantId, tenant_id
from cip.durable import make_folder, sync

SECRET_BYTES = 32
TOKEN_CHARACTERS = 16

_SWITCHES = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
_REDIS_SCHEMES = frozenset(
    {"redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel"}
    | {"redis+cluster", "rediss+cluster"}
)
# Words of the secrets that tutorials and other products ship, and that scanners try first.
_KNOWN_SECRET = re.compile(
    r"change.?(me|this|it|in.?prod)|your.?secret|my.?secret|super.?secret|secret.?key|insecure"
    r"|password|default|example|thisis(a|my)se?cret|at.?least|bit.?secret|dev.?secret|jwt.?secret",
    re.IGNORECASE,
)
_DISTINCT_CHARACTERS = 10
_PUBLIC_URL = re.compile(
    r"https?://([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?", re.ASCII
)
_HOST = re.compile(r"[A-Za-z0-9.:\-\[\]]{1,253}")


def _refuse(name: str, rule: str, text: str | None = None) -> NoReturn:
    shown = "" if text is None else f", not {text[:80]!r}"
    raise SettingsError(f"{name} must be {rule}{shown}.", field=name)


def unknown_name(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"{name} is not a setting.{hint} docs/settings.md lists them."


def environment(name: str, text: str) -> Literal["development", "production"]:
    if text == "development":
        return "development"
    if text == "production":
        return "production"
    _refuse(name, "'development' or 'production'", text)


def switch(name: str, text: str) -> bool:
    try:
        return _SWITCHES[text.lower()]
    except KeyError:
        _refuse(name, "1 or 0 (also true, yes, on; false, no, off)", text)


def whole(name: str, text: str, least: int, most: int) -> int:
    # isascii: str.isdigit takes other scripts' digits, which nobody means here.
    if text.isascii() and text.isdigit() and least <= int(text) <= most:
        return int(text)
    _refuse(name, f"a whole number from {least} to {most}", text)


def host(name: str, text: str) -> str:
    if _HOST.fullmatch(text):
        return text
    _refuse(name, "an address or a host name to listen on", text)


def public_url(name: str, text: str) -> str:
    """Scheme, host and port, to which a path can be joined; nothing where none was given."""
    trimmed = text.removesuffix("/")
    if trimmed and not _PUBLIC_URL.fullmatch(trimmed):
        _refuse(name, "an address such as https://cip.example.com, without a path", text)
    return trimmed


def folder(name: str, text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        _refuse(name, "a folder (it need not exist yet)", text)
    return path


def optional_folder(name: str, text: str) -> Path | None:
    return folder(name, text) if text else None


def history_url(name: str, text: str, home: Path) -> str:
    """A folder's absolute path, or an object store's URL as it stands."""
    if not text:
        return str(home / "history")
    if "://" not in text:
        return str(folder(name, text))
    if urlsplit(text).scheme and urlsplit(text).netloc:
        return text.rstrip("/")
    _refuse(name, "a folder or an object store's URL such as s3://bucket/path", text)


def redis_url(name: str, text: str) -> str:
    # The text is not shown: it may hold a password.
    if text and urlsplit(text).scheme not in _REDIS_SCHEMES:
        schemes = ", ".join(f"{scheme}://" for scheme in sorted(_REDIS_SCHEMES))
        _refuse(name, f"a URL that begins with one of {schemes}")
    return text


def tenant(name: str, text: str) -> TenantId:
    try:
        return tenant_id(text)
    except InvalidInputError as error:
        raise SettingsError(f"{name}: {error.message}", field=name) from error


def networks(name: str, text: str) -> tuple[str, ...]:
    """Addresses or networks, separated by commas; never everyone."""
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    for part in parts:
        try:
            everyone = ipaddress.ip_network(part).prefixlen == 0
        except ValueError:
            everyone = True
        if everyone:
            _refuse(name, "addresses or networks such as 10.0.0.5,10.1.0.0/16 (never all)", part)
    return parts


def secret_key(name: str, text: str) -> str:
    """The secret, or nothing where none was given; a weak one is refused everywhere."""
    if not text:
        return ""
    if len(text.encode()) < SECRET_BYTES:
        _refuse(name, f"at least {SECRET_BYTES} bytes long")
    if _KNOWN_SECRET.search(text) or _is_regular(text):
        _refuse(name, "random, not a known default; try `openssl rand -base64 48`")
    return text


def token(name: str, text: str) -> str:
    """What another program must bear, or nothing where none was given. Never shown."""
    if text and (len(text) < TOKEN_CHARACTERS or not (text.isascii() and text.isprintable())):
        _refuse(name, f"at least {TOKEN_CHARACTERS} printable ASCII characters")
    if " " in text:
        _refuse(name, "one word, without spaces")
    return text


def _is_regular(text: str) -> bool:
    """Few characters, a piece repeated, or mostly steps along the alphabet and the digits."""
    steps = sum(ord(after) - ord(before) in {-1, 0, 1} for before, after in pairwise(text))
    repeated = text in (text + text)[1:-1]
    return repeated or len(set(text)) < _DISTINCT_CHARACTERS or steps > len(text) // 2


def file_text(name: str, path: str) -> str:
    """What a `*_FILE` variable points at."""
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}: {path} cannot be read ({error}).", field=name) from error
    if not text:
        raise SettingsError(f"{name}: {path} is empty.", field=name)
    return text


def kept_secret(path: Path) -> str:
    """The secret kept in `path`; made on first use, by whichever process comes first."""
    if not path.exists():
        _make_secret(path)
    return path.read_text(encoding="ascii").strip()


def _make_secret(path: Path) -> None:
    make_folder(path.parent)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails where the name exists: of several workers exactly one secret wins, and
        # none ever reads a file that is half written.
        os.link(draft, path)
        sync(path.parent)
    except FileExistsError:
        return
    finally:
        draft.unlink()
