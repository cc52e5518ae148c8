"""The Lua scripts, loaded once per client."""

from __future__ import annotations

from functools import cache
from importlib import resources

from redis.commands.core import Script

from cip.store.client import Redis


@cache
def _source(name: str) -> str:
    return resources.files("cip.store").joinpath("lua", f"{name}.lua").read_text()


def script(client: Redis, name: str) -> Script:
    """`lua/<name>.lua`, run by digest and sent again when the server does not know it."""
    return client.register_script(_source(name))
