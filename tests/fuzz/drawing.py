"""Drawing examples: the same ones in every run, or new ones for as long as one likes.

`FUZZ_SECONDS=300 pytest tests/fuzz` goes on for that long in each test, `FUZZ_SEED` from a seed of
one's own: what it found is found again by the seed that it tells.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.strategies import SearchStrategy

from tests.factories import KEYS
from tests.security.scanner import unpacked

SECONDS: Final = float(os.environ.get("FUZZ_SECONDS", "0"))
SEED: Final = int(os.environ.get("FUZZ_SEED", "1"))
# What only our own code says to itself.
_INSIDE: Final = re.compile(
    r"Traceback|File \"|line \d+, in|\bcip\.(web|store|services|domain|auth|client)\b|"
    r"\b[A-Z][a-z]+\w*(Error|Exception)\b|redis\.|pydantic|WRONGTYPE|@user_script|"
    r"\$argon2|object at 0x|<class|NoneType|site-packages|/usr/|\.py\b"
)


def seeds() -> Iterator[int]:
    """One, or as many as there is time for."""
    end = time.monotonic() + SECONDS
    yield SEED
    seed = SEED
    while time.monotonic() < end:
        seed += 1
        yield seed


def try_all(
    strategy: SearchStrategy[Any], check: Callable[[Any], None], *, count: int, seed: int
) -> None:
    """`count` examples of the strategy; fails with the smallest that does not hold."""

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
    )
    @hypothesis.given(strategy)
    def run(example: Any) -> None:
        check(example)

    run()


def holds(answer: Any, sent: object) -> None:
    """No 5xx but the honest one, and nothing of our inside in any error."""
    assert answer.status_code < 500, (sent, answer.status, answer.text[:300])
    if answer.status_code < 400:
        return
    packed = answer.headers.get("Content-Encoding", "")
    says_nothing_of_the_inside(unpacked(answer.data, packed).decode("utf-8", "replace"), sent)


def says_nothing_of_the_inside(text: str, sent: object) -> None:
    if found := _INSIDE.search(text):
        assert found.group() in str(sent), (sent, found, text[:300])
    assert KEYS.current not in text
