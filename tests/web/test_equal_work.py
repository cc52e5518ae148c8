"""Who tries to sign in does not learn from the answer, or from its time, which users exist."""

from __future__ import annotations

import pytest

from tests.counting import CountedHasher
from tests.factories import Platform
from tests.web.conftest import PASSWORD, Client


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("alice", "wrong horse battery"),
        ("bob", PASSWORD),  # disabled below
        ("nobody", PASSWORD),
        ("nöbody", PASSWORD),
        ("Robert'); DROP TABLE users", PASSWORD),
        ("", PASSWORD),
    ],
)
def test_each_refusal_verifies_one_hash_and_reads_the_same(
    anonymous: Client,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    username: str,
    password: str,
) -> None:
    users = platform.services.accounts.users
    users.change("bob", lambda user: user.model_copy(update={"disabled": True}))
    counted = CountedHasher.install(monkeypatch)
    answer = anonymous.post("/login", data={"username": username, "password": password})
    assert (answer.status_code, counted.verified) == (401, 1)
    assert "The user name or the password is not right." in answer.text
