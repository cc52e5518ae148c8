"""One module a page, named like its layout: parse, ask a service, draw."""

from __future__ import annotations

from callbacks import account, admin, health, home, platform, segments, shell
from cip.services import Services
from cip.web.dash_callbacks import CallbackGroup

__all__ = ["register"]


def register(group: CallbackGroup, services: Services) -> None:
    """Registers every page's callbacks on the group's app."""
    for page in (shell, home, segments, account, health, admin, platform):
        page.register(group, services)
