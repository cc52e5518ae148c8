"""The product's own source, parsed: what the architecture tests look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
_ROOTS = ("cip", "layouts", "callbacks")
_FILES = ("wsgi.py", "gunicorn.conf.py")


@dataclass(frozen=True, slots=True)
class Source:
    """One module: its path from the project's root, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    def named(self, node: ast.AST, what: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 0)}: {what}"


def sources() -> list[Source]:
    paths = [path for root in _ROOTS for path in sorted((PROJECT / root).rglob("*.py"))]
    paths += [PROJECT / name for name in _FILES if (PROJECT / name).exists()]
    return [_read(path) for path in paths]


def imported_names(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every imported name in full: `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def attributes(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every `name.attribute` in the tree, as text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node, f"{node.value.id}.{node.attr}"


def _read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(str(path.relative_to(PROJECT)), text, ast.parse(text))
