"""Administration: each of its tabs has a module of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callbacks import admin_keys, admin_overview, admin_people, admin_settings
from callbacks._audit_log import register_audit_log
from cip.domain.permissions import Permission
from layouts import ids

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup


def register(group: CallbackGroup, services: Services) -> None:
    for part in (admin_overview, admin_people, admin_keys, admin_settings):
        part.register(group, services)
    register_audit_log(
        group,
        services,
        ids.ADMIN_AUDIT,
        permission=Permission.AUDIT_VIEW,
        log_of=lambda who: who.tenant,
    )
