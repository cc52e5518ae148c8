"""Hashing passwords costs memory: however many ask at once, two are hashed at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cip.auth import passwords

THREADS = 8
PASSWORD = "three small green apples"


class SlowHasher:
    """Ends a hash once as many are under way as `wanted`, or nobody came for a while."""

    def __init__(self, wanted: int) -> None:
        self.most = 0
        self._wanted = wanted
        self._now = 0
        self._changed = threading.Condition()

    def hash(self, _password: bytes) -> str:
        with self._changed:
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self._wanted, timeout=0.2)
            self._now -= 1
        return "a hash"

    def verify(self, _kept: str, password: bytes) -> bool:
        return self.hash(password) == "a hash"


@pytest.mark.parametrize("verifying", [False, True])
def test_at_most_two_passwords_are_hashed_at_once(
    monkeypatch: pytest.MonkeyPatch, verifying: bool
) -> None:
    hasher = SlowHasher(wanted=3)
    monkeypatch.setattr(passwords, "_HASHER", hasher)

    def ask(_number: int) -> object:
        if verifying:
            return passwords.verify("kept", PASSWORD)
        return passwords.hash_password(PASSWORD)

    with ThreadPoolExecutor(THREADS) as threads:
        assert all(threads.map(ask, range(THREADS)))
    assert hasher.most == 2
