"""System health: each of its tabs has a module of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callbacks import health_flow, health_letters

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup


def register(group: CallbackGroup, services: Services) -> None:
    health_flow.register(group, services)
    health_letters.register(group, services)
