"""The Lua scripts, loaded once per client."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

from redis.commands.core import Script

from cip.store.client import Redis

_USES_GROUPS: Final = "-- uses groups\n"


@cache
def _source(name: str) -> str:
    text = resources.files("cip.store").joinpath("lua", f"{name}.lua").read_text()
    return _source("groups") + text if text.startswith(_USES_GROUPS) else text


def script(client: Redis, name: str) -> Script:
    """`lua/<name>.lua`, run by digest and sent again when the server does not know it."""
    return client.register_script(_source(name))
