"""Reports how large the source's modules and functions are: to see, not to fail on."""

from __future__ import annotations

import ast
import statistics

import pytest

from tests.architecture.sources import sources


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    parsed = sources()
    modules = [len(source.text.splitlines()) for source in parsed]
    functions = sorted(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for source in parsed
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    over = sum(length > 50 for length in functions) / len(functions)
    terminalreporter.write_line(
        f"source: {len(modules)} modules, median {statistics.median(modules):.0f} lines, "
        f"longest {max(modules)}; {len(functions)} functions, "
        f"median {statistics.median(functions):.0f} lines, "
        f"90th percentile {functions[int(0.9 * len(functions))]}, over 50 lines: {over:.1%}"
    )
