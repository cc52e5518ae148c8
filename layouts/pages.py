"""Which pages exist: path → page. The sidebar, the router and the tests read this one mapping."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from layouts.account import PAGE as ACCOUNT
from layouts.admin import PAGE as ADMIN
from layouts.health import PAGE as HEALTH
from layouts.home import PAGE as HOME
from layouts.page import Page
from layouts.platform import PAGE as PLATFORM
from layouts.segments import PAGE as SEGMENTS

PAGES: Final = MappingProxyType(
    {page.path: page for page in (HOME, SEGMENTS, HEALTH, ADMIN, PLATFORM, ACCOUNT)}
)


def page_at(pathname: object) -> Page | None:
    """The page of a path, with or without a slash at its end."""
    if not isinstance(pathname, str):
        return None
    return PAGES.get(pathname.rstrip("/") or "/")
