"""Access and refresh tokens: what is refused, case by case, and how a secret is replaced."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cip.auth import tokens
from cip.auth.keyring import KeyRing
from cip.domain.errors import UnauthenticatedError

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
RING = KeyRing("the secret of these tests, which opens nothing: 1Zt6")
OTHER_RING = KeyRing("another secret of these tests, which opens nothing: 9Qw")
KEY_ID, KEY = RING.signing("tokens")
HEADER: dict[str, Any] = {"alg": "HS256", "kid": KEY_ID, "typ": "JWT"}
GOOD: dict[str, Any] = {
    "sub": "alice",
    "tenant": "acme",
    "role": "admin",
    "user_epoch": 3,
    "tenant_epoch": 5,
    "sid": "s1",
    "typ": "access",
    "iss": "cip",
    "aud": "cip",
    "iat": SECONDS,
    "nbf": SECONDS,
    "exp": SECONDS + 900,
    "jti": "t1",
}
HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def packed(value: object) -> str:
    return encoded(value if isinstance(value, bytes) else json.dumps(value).encode())


def signed(
    header: object = HEADER, body: object = GOOD, *, key: bytes = KEY, family: str = "HS256"
) -> str:
    """Whatever header and body, with a signature that fits: no library refuses to make it."""
    text = f"{packed(header)}.{packed(body)}"
    return f"{text}.{encoded(hmac.digest(key, text.encode(), HASHES[family]))}"


def read(token: str, kind: tokens.Kind = "access", *, now: datetime = NOW) -> tokens.Claims:
    return tokens.read(token, kind, keys=RING.verifying("tokens"), now=now)


def headed(**changes: Any) -> str:
    return signed({**HEADER, **changes})


def claiming(**changes: Any) -> str:
    return signed(body={**GOOD, **changes})


def without(header: str = "", claim: str = "") -> str:
    return signed(
        {name: value for name, value in HEADER.items() if name != header},
        {name: value for name, value in GOOD.items() if name != claim},
    )


def unsigned(alg: str) -> str:
    return f"{packed({**HEADER, 'alg': alg})}.{packed(GOOD)}."


def by_rsa() -> str:
    """An RSA signature, for a reader that would take our key for a public one."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return jwt.encode(GOOD, key, algorithm="RS256", headers={"kid": KEY_ID})


def by_a_public_key() -> str:
    """Signed by HMAC with a public key's text, as if the reader held that key for RS256."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).public_key()
    public = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return signed(key=public)


def flipped(part: int) -> str:
    """One bit of one part is another; the part is still well-formed."""
    parts = signed().split(".")
    raw = bytearray(base64.urlsafe_b64decode(parts[part] + "=="))
    raw[len(raw) // 2] ^= 1
    parts[part] = encoded(bytes(raw))
    return ".".join(parts)


def swapped_body() -> str:
    header, _, signature = signed().split(".")
    return f"{header}.{packed({**GOOD, 'role': 'super_admin'})}.{signature}"


def respelled(ending: str) -> str:
    """The same signature to a reader that skips what it does not understand."""
    return signed() + ending


def twice(claim: str, first: str, second: str) -> str:
    """A claim that stands there twice, of which only one is good."""
    text = json.dumps(GOOD)[:-1] + f', "{claim}": "{second}"}}'
    return signed(
        body=text.replace(f'"{claim}": "{GOOD[claim]}"', f'"{claim}": "{first}"').encode()
    )


FORGED: dict[str, Callable[[], str]] = {
    # the algorithm
    **{f"alg {alg!r}": partial(unsigned, alg) for alg in ("none", "None", "NONE", "nOnE")},
    "alg none with our signature": lambda: headed(alg="none"),
    "alg of lower case": lambda: headed(alg="hs256"),
    "alg empty": lambda: headed(alg=""),
    "alg null": lambda: headed(alg=None),
    "alg a list": lambda: headed(alg=["HS256"]),
    "alg missing": lambda: without(header="alg"),
    "alg HS384": lambda: signed({**HEADER, "alg": "HS384"}, family="HS384"),
    "alg HS512": lambda: signed({**HEADER, "alg": "HS512"}, family="HS512"),
    "alg HS256 signed by HS512": lambda: signed(family="HS512"),
    "alg RS256 by an RSA key": by_rsa,
    "alg RS256 by our key": lambda: headed(alg="RS256"),
    "alg ES256 by our key": lambda: headed(alg="ES256"),
    "signed by a public key's text": by_a_public_key,
    # the header
    "kid missing": lambda: without(header="kid"),
    "kid unknown": lambda: headed(kid="0123456789ab"),
    "kid empty": lambda: headed(kid=""),
    "kid null": lambda: headed(kid=None),
    "kid a list": lambda: headed(kid=[KEY_ID]),
    "kid an object": lambda: headed(kid={"id": KEY_ID}),
    "kid a number": lambda: headed(kid=7),
    "kid a path": lambda: headed(kid="../../../../dev/null"),
    "jku": lambda: headed(jku="https://evil.example/keys"),
    "x5u": lambda: headed(x5u="https://evil.example/cert"),
    "jwk": lambda: headed(jwk={"kty": "oct", "k": encoded(KEY)}),
    "x5c": lambda: headed(x5c=["MIIB"]),
    "crit": lambda: headed(crit=["exp"]),
    "crit of what is unknown": lambda: headed(crit=["cip"], cip=1),
    "b64 false": lambda: headed(b64=False),
    "zip": lambda: headed(zip="DEF"),
    "header a list": lambda: signed([HEADER]),
    "header not JSON": lambda: signed(b"{alg"),
    "header not UTF-8": lambda: signed(b"\xff\xfe"),
    "header nested deep": lambda: signed(b"[" * 1_200),
    # the claims
    **{f"{name} missing": partial(without, claim=name) for name in GOOD},
    **{f"{name} null": partial(claiming, **{name: None}) for name in GOOD},
    **{f"{name} a list": partial(claiming, **{name: [GOOD[name]]}) for name in GOOD},
    **{
        f"{name} {said}": partial(claiming, **{name: value})
        for name in ("exp", "nbf", "iat", "user_epoch", "tenant_epoch")
        for said, value in (
            ("a text", str(GOOD[name])),
            ("a float", float(GOOD[name])),
            ("a boolean", True),
            ("negative", -1),
            ("huge", 10**30),
            ("above what a float holds exactly", 2**53),
        )
    },
    **{
        f"{name} {said}": partial(claiming, **{name: value})
        for name in ("sub", "tenant", "role", "typ", "jti", "sid", "iss", "aud")
        for said, value in (("a number", 5), ("a boolean", True), ("empty", ""), ("an object", {}))
    },
    "iss of somebody else": lambda: claiming(iss="other"),
    "aud of somebody else": lambda: claiming(aud="other"),
    "aud a list with ours": lambda: claiming(aud=["other", "cip"]),
    "typ refresh": lambda: claiming(typ="refresh"),
    "typ of other case": lambda: claiming(typ="Access"),
    "expired beyond the leeway": lambda: claiming(exp=SECONDS - 30),
    "exp past every year": lambda: claiming(exp=253_402_300_800),
    "nbf in the future": lambda: claiming(nbf=SECONDS + 31),
    "iat in the future": lambda: claiming(iat=SECONDS + 31),
    "typ twice, the last one refresh": lambda: twice("typ", "access", "refresh"),
    "aud twice, the last one another": lambda: twice("aud", "cip", "other"),
    "body a list": lambda: signed(body=[GOOD]),
    "body a text": lambda: signed(body="alice"),
    "body not JSON": lambda: signed(body=b"{"),
    "body not UTF-8": lambda: signed(body=b"\xff\xfe"),
    "body nested deep": lambda: signed(body=b"[" * 1_200 + b"]" * 1_200),
    "body with NaN": lambda: signed(body=json.dumps({**GOOD, "exp": float("nan")}).encode()),
    "body with infinity": lambda: signed(body=json.dumps({**GOOD, "exp": float("inf")}).encode()),
    # the signature
    "signature flipped": lambda: flipped(2),
    "header flipped": lambda: flipped(0),
    "body flipped": lambda: flipped(1),
    "body of another": swapped_body,
    "signature cut by one": lambda: signed()[:-1],
    "signature cut in half": lambda: signed()[:-20],
    "signature empty": lambda: signed().rpartition(".")[0] + ".",
    "signature longer": lambda: signed() + "A",
    "signature padded": lambda: respelled("="),
    "signature with other signs": lambda: respelled("!"),
    "signature with a line end": lambda: respelled("\n"),
    "signature of plain SHA-256": lambda: (
        signed().rpartition(".")[0]
        + "."
        + encoded(hashlib.sha256(signed().rpartition(".")[0].encode()).digest())
    ),
    "by the key of the CSRF proof": lambda: signed(key=RING.signing("csrf")[1]),
    "by the key of the audit log": lambda: signed(key=RING.signing("audit")[1]),
    "by the key of the masks": lambda: signed(key=RING.signing("mask")[1]),
    "by the secret itself": lambda: signed(key=RING.current.encode()),
    "by another secret under our kid": lambda: signed(key=OTHER_RING.signing("tokens")[1]),
    "by another secret under its kid": lambda: signed(
        {**HEADER, "kid": OTHER_RING.signing("tokens")[0]}, key=OTHER_RING.signing("tokens")[1]
    ),
    "by an empty key": lambda: signed(key=b""),
    # the form
    "nothing": lambda: "",
    "dots": lambda: "..",
    "one part": lambda: signed().split(".")[0],
    "two parts": lambda: signed().rpartition(".")[0],
    "four parts": lambda: signed() + ".AAAA",
    "five parts": lambda: signed() + ".AAAA.AAAA",
    "a part in front": lambda: "AAAA." + signed(),
    "a blank in front": lambda: " " + signed(),
    "the scheme in front": lambda: "Bearer " + signed(),
    "no base64": lambda: "!.?.!",
    "letters of other scripts": lambda: "é" + signed()[1:],
    "half a surrogate pair": lambda: "\ud800" + signed()[1:],
    "a NUL": lambda: signed() + "\x00",
    "ten thousand characters": lambda: claiming(sub="a" * 10_000),
    "ten thousand dots": lambda: "." * 10_000,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_refused(forge: Callable[[], str]) -> None:
    token = forge()
    with pytest.raises(UnauthenticatedError) as caught:
        read(token)
    assert caught.value.message == "The token is not valid."


@pytest.mark.parametrize("case", [case for case in FORGED if case.startswith("alg")])
def test_another_algorithm_is_refused_whatever_the_form(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The length of a signature gives most of them away: one guard must not stand for two."""
    monkeypatch.setattr(tokens, "_FORM", re.compile(r".*", re.DOTALL))
    with pytest.raises(UnauthenticatedError):
        read(FORGED[case]())


def test_the_forger_of_these_tests_can_make_a_good_token() -> None:
    assert read(signed()) == tokens.Claims(
        subject="alice",
        tenant="acme",
        role="admin",
        user_epoch=3,
        tenant_epoch=5,
        session="s1",
        token_id="t1",
        expires_at=NOW + timedelta(minutes=15),
    )


@pytest.mark.parametrize(
    "seconds", [{"exp": SECONDS - 29}, {"nbf": SECONDS + 30}, {"iat": SECONDS + 30}]
)
def test_clocks_may_differ_by_thirty_seconds(seconds: dict[str, int]) -> None:
    assert read(claiming(**seconds)).subject == "alice"


def issue(kind: tokens.Kind, ring: KeyRing = RING, life: timedelta = tokens.ACCESS_LIFE) -> str:
    claims = tokens.Claims("alice", "acme", "admin", 3, 5, "s1", tokens.new_id(), NOW + life)
    return tokens.issue(claims, kind, key=ring.signing("tokens"), now=NOW)


def test_a_token_says_what_it_was_issued_for() -> None:
    claims = read(issue("access"), now=NOW + timedelta(minutes=14, seconds=59))
    assert (claims.subject, claims.tenant, claims.role) == ("alice", "acme", "admin")
    assert (claims.user_epoch, claims.tenant_epoch, claims.session) == (3, 5, "s1")
    assert claims.expires_at == NOW + timedelta(minutes=15)


def test_access_lives_fifteen_minutes_and_refresh_seven_days() -> None:
    assert timedelta(minutes=15) == tokens.ACCESS_LIFE
    assert timedelta(days=7) == tokens.REFRESH_LIFE
    with pytest.raises(UnauthenticatedError):
        read(issue("access"), now=NOW + timedelta(minutes=15) + tokens.LEEWAY)


@pytest.mark.parametrize(("issued", "wanted"), [("access", "refresh"), ("refresh", "access")])
def test_one_kind_does_not_pass_for_the_other(issued: tokens.Kind, wanted: tokens.Kind) -> None:
    token = issue(issued)
    assert read(token, issued).subject == "alice"
    with pytest.raises(UnauthenticatedError):
        read(token, wanted)


def test_no_two_tokens_have_the_same_id() -> None:
    assert len({read(issue("access")).token_id for _ in range(100)}) == 100


def test_while_a_secret_is_replaced_both_verify_and_the_new_one_signs() -> None:
    before, oldest = RING, OTHER_RING
    now = KeyRing("the secret that comes after, which opens nothing: 4Hn", before.current)
    keys = now.verifying("tokens")
    assert tokens.read(issue("access", before), "access", keys=keys, now=NOW).subject == "alice"
    fresh = issue("access", now)
    assert jwt.get_unverified_header(fresh)["kid"] == now.signing("tokens")[0]
    assert now.signing("tokens")[0] != before.signing("tokens")[0]
    assert tokens.read(fresh, "access", keys=keys, now=NOW).subject == "alice"
    for ring, known in ((oldest, now), (now, before), (before, KeyRing(now.current))):
        with pytest.raises(UnauthenticatedError):
            tokens.read(issue("access", ring), "access", keys=known.verifying("tokens"), now=NOW)


def test_each_purpose_has_a_key_of_its_own() -> None:
    purposes = ("tokens", "csrf", "audit", "mask")
    assert len({RING.signing(purpose)[1] for purpose in purposes}) == len(purposes)
    assert {len(RING.signing(purpose)[1]) for purpose in purposes} == {32}
    assert RING.current.encode() not in [RING.signing(purpose)[1] for purpose in purposes]


def test_a_key_ring_does_not_show_its_secrets() -> None:
    shown = repr(KeyRing("first-secret", "second-secret"))
    assert "first-secret" not in shown
    assert "second-secret" not in shown
