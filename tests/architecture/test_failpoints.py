"""The named moments: each is somewhere in the code, and nothing hits one that is not named."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cip.failpoints import POINTS
from tests.architecture.sources import Source, sources


def hits(source: Source) -> Iterator[tuple[str, ast.expr]]:
    """(where, the name that is hit) of each call of `hit`."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"failpoints.hit", "hit"}:
            yield source.named(node, "hit"), node.args[0]


def test_each_named_moment_is_hit_and_each_hit_is_named() -> None:
    found: set[str] = set()
    for source in sources():
        if source.path == "cip/failpoints.py":
            continue
        for where, name in hits(source):
            assert isinstance(name, ast.Constant), f"{where}: the name is written out"
            found.add(str(name.value))
    assert found == POINTS
