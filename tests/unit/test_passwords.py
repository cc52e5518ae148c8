"""Passwords: which are taken, what fits, and that a refusal costs the same whatever was wrong."""

from __future__ import annotations

import unicodedata
from itertools import product

import pytest
from argon2 import PasswordHasher

from cip.auth import passwords
from cip.auth.common_words import WORDS
from cip.auth.guessable import is_guessable
from cip.domain.errors import InvalidInputError
from tests.counting import CountedHasher

GOOD = "three small green apples"


def refusal(password: str, *, username: str = "", names: tuple[str, ...] = ()) -> str:
    with pytest.raises(InvalidInputError) as caught:
        passwords.check_strength(password, username=username, names=names)
    assert caught.value.field == "password"
    assert not password or password not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    "password",
    ["", "short", "k7#Qx!m2Zt9", "ab" * 64 + "c", "e\u0301" * 11, "\ufdfa" * 8, "\ufdfa" * 600],
)
def test_a_password_has_twelve_to_128_characters(password: str) -> None:
    assert "12 to 128" in refusal(password)


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "correct horse battery",
        "k7#Qx!m2Zt9w",
        "a long way to Tipperary",
        "monkey in the garage 7 blue",
        "eine kleine Nachtmusik",
        "жёлтый трамвай у моря",
        "ようこそ横浜の古い港町へ",
        "🦊🐢🌵🍋🎲🧊🚲🎈🪁🌋🧭🎺",
        "8392 0174 6523",
        "password7xqbk",
        "q" + "".join(chr(0x4E00 + 7 * n) for n in range(127)),
    ],
)
def test_any_kind_of_long_password_is_taken(password: str) -> None:
    """No composition rules; spaces and every script."""
    passwords.check_strength(password, username="alice", names=("acme", "Acme Ltd"))


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "Password2026!",
        "P@ssw0rd12345",
        "pässwörd-2024",
        "ＰＡＳＳＷＯＲＤ２０２４",
        "p.a.s.s.w.o.r.d.1",
        "drowssap drowssap",
        "Sunshine-2026!",
        "iloveyou2024!",
        "monkey dragon shadow",
        "correct horse battery staple".replace(" ", ""),
        "qwertyuiop123",
        "1qaz2wsx3edc",
        "zxcvbnm,1234",
        "poiuytrewq11",
        "123456789012",
        "112233445566",
        "31121999 3112",
        "aaaaaaaaaaaa",
        "aaaaaaaaaaab",
        "abcabcabcabc",
        "xk7xk7xk7xk7",
        "404040515151",
        "x9k7mqz-x9k7mqz",
        "!!!!!!!!!!!!",
        "            ",
        "!@#$%^&*()!@",
    ],
)
def test_a_common_password_is_refused(password: str) -> None:
    assert "easy to guess" in refusal(password)


def test_tens_of_thousands_of_common_ones_are_refused() -> None:
    """Words as people dress them up: each of these is a line of what a bundled list would be."""
    dressings = ("{0}{1}", "{0}-{1}!", "{1}{0}", "{0}@{1}", "{0}{1}{1}")
    words = sorted(word for word in WORDS if len(word) >= 8)
    texts = {
        dressing.format(word.title(), year)
        for word, year, dressing in product(words, range(1950, 2030), dressings)
    }
    assert len(texts) > 40_000
    assert all(len(text) >= passwords.MIN_CHARACTERS for text in texts)
    tried = sorted(texts)[::3]  # the rule is quick, not free
    assert len(tried) > 10_000
    assert [text for text in tried if not is_guessable(text)] == []


@pytest.mark.parametrize(
    "password",
    ["alice.smith12", "AliceAlice2026", "Al1ce-acme-99!", "acmecorporation", "ecila ecila 1"],
)
def test_a_password_made_of_the_names_around_is_refused(password: str) -> None:
    message = refusal(password, username="alice.smith@acme.example", names=("Acme Corporation",))
    assert "easy to guess" in message


def test_a_name_within_a_longer_password_is_taken() -> None:
    passwords.check_strength("alice tends nine orchids", username="alice", names=("acme",))
    passwords.check_strength("mellow walrus acme trombone", username="al", names=("", "acme"))


def test_a_password_fits_itself_alone() -> None:
    kept = passwords.hash_password(GOOD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.verify(kept, GOOD)
    for other in (GOOD.title(), f" {GOOD}", f"{GOOD} ", GOOD[:-1], f"{GOOD}x", ""):
        assert not passwords.verify(kept, other)
    assert not passwords.verify("not a hash", GOOD)
    for none in (None, ""):
        assert not passwords.verify(none, "nobody has this password")


def test_nothing_is_cut_off_a_long_password() -> None:
    longest = "".join(chr(0x4E00 + n) for n in range(128))
    kept = passwords.hash_password(longest)
    assert passwords.verify(kept, longest)
    assert not passwords.verify(kept, longest + "x")
    assert not passwords.verify(kept, longest + "x" * 5_000)


def test_a_password_fits_however_a_keyboard_composes_it() -> None:
    typed = "grüße aus zürich é"
    apart = unicodedata.normalize("NFD", typed)
    assert apart != typed
    assert passwords.verify(passwords.hash_password(typed), apart)
    assert passwords.verify(passwords.hash_password(apart), typed)


def test_a_hash_of_the_text_as_typed_stays_valid() -> None:
    """As they were made before the normal form was."""
    apart = unicodedata.normalize("NFD", "grüße aus zürich é")
    hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    assert passwords.verify(hasher.hash(apart), apart)
    assert passwords.verify(hasher.hash("plain ascii text"), "plain ascii text")


def test_half_a_surrogate_pair_is_a_wrong_password_and_no_crash() -> None:
    assert not passwords.verify(passwords.hash_password(GOOD), "\ud800" * 20)


def test_a_hash_of_weaker_parameters_asks_to_be_made_again() -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(GOOD)
    assert passwords.verify(weaker, GOOD)
    assert passwords.needs_rehash(weaker)
    assert passwords.needs_rehash("not a hash")
    assert not passwords.needs_rehash(passwords.hash_password(GOOD))


@pytest.mark.parametrize(
    ("typed", "times"),
    [("wrong", 1), ("falsches wört".replace("ö", "o\u0308"), 2), ("x" * 9_000, 1)],
)
def test_nobody_costs_as_many_hashes_as_a_wrong_password(
    monkeypatch: pytest.MonkeyPatch, typed: str, times: int
) -> None:
    kept = passwords.hash_password(GOOD)
    counted = CountedHasher.install(monkeypatch)
    for password_hash in (kept, None):
        counted.verified = 0
        assert not passwords.verify(password_hash, typed)
        assert counted.verified == times
