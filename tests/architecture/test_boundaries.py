"""Rules that the import contracts cannot say: who reads the environment, who builds keys."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.sources import Source, attributes, imported_names, sources

# Formats that run code when they are read, and the libraries that bring them along.
_PICKLING = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "shelve", "marshal", "joblib"}
_ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.putenv"}
_GLOBAL_CALLBACKS = {"dash.callback", "dash.clientside_callback"}


def faults(found: Iterator[str]) -> str:
    return "\n".join(found)


def test_only_the_settings_read_the_environment() -> None:
    assert not faults(
        source.named(node, name)
        for source in sources()
        if source.path != "cip/settings.py"
        for node, name in (*attributes(source.tree), *imported_names(source.tree))
        if name in _ENVIRONMENT
    )


def test_nothing_is_pickled() -> None:
    assert not faults(
        source.named(node, name)
        for source in sources()
        for node, name in imported_names(source.tree)
        if name.split(".")[0] in _PICKLING
    )


def test_no_callback_is_registered_globally() -> None:
    assert not faults(
        source.named(node, name)
        for source in sources()
        for node, name in (*attributes(source.tree), *imported_names(source.tree))
        if name in _GLOBAL_CALLBACKS
    )


def test_only_the_keys_module_builds_keys() -> None:
    assert not faults(
        fault
        for source in sources()
        if source.path != "cip/store/keys.py"
        for fault in built_keys(source)
    )


def test_every_function_of_the_keys_module_that_serves_a_tenant_takes_it_first() -> None:
    (keys,) = (source for source in sources() if source.path == "cip/store/keys.py")
    functions = [node for node in keys.tree.body if isinstance(node, ast.FunctionDef)]
    assert functions
    for function in functions:
        first = function.args.args[0]
        if "platform" not in ast.unparse(function):
            assert (first.arg, ast.unparse(first.annotation or first)) == ("tenant", "TenantId")


@pytest.mark.parametrize(
    ("code", "is_key"),
    [
        ('key = f"events:{{{tenant}}}"', True),
        ('key = "events:{" + tenant + "}"', True),
        ('key = "platform:users"', True),
        ('key = f"insight:{tenant}"', True),
        ('text = f"%{{{field}}}"', False),
        ('text = f"{tenant}: {count}"', False),
        ('text = "live: the counters"', False),
    ],
)
def test_the_search_for_keys_finds_them(code: str, is_key: bool) -> None:
    assert bool(list(built_keys(Source("x.py", code, ast.parse(code))))) == is_key


def built_keys(source: Source) -> Iterator[str]:
    """Strings that look like a key: the platform's prefix, or a brace around a value."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.JoinedStr):
            text = _template(node)
            if _KEY_WITH_VALUE.search(text):
                yield source.named(node, text.replace("\0", "…"))
        elif isinstance(node, ast.Constant) and _KEY.match(str(node.value)):
            yield source.named(node, str(node.value))


_KEY = re.compile(r"platform:\w|[a-z_:]+:\{$")
# A brace around a value that is not Plotly's "%{x}", or a known first word and a value.
_KEY_WITH_VALUE = re.compile(
    r"(?<!%)\{\0\}"
    r"|^(platform|events|live|ingest|insight|imports|version|analytics:metrics|customer_segments"
    r"|customer_journeys|predictive_scores|conversation_analytics):\0"
)


def _template(node: ast.JoinedStr) -> str:
    """An f-string's text with a NUL for each value."""
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values
    )
