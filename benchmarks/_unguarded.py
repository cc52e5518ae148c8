"""The platform's own application with nobody at the door: every request is the same viewer's."""

from __future__ import annotations

import wsgi
from cip import settings
from cip.auth.policy import PERMISSIONS
from cip.domain.permissions import Role
from cip.domain.principals import Principal
from cip.domain.tenants import tenant_id
from cip.web.requests import set_principal

_VIEWER = Principal("bench", tenant_id("bench"), Role.ADMIN, PERMISSIONS[Role.ADMIN])

server = wsgi.create_app(settings.load()).server
hooks = server.before_request_funcs[None]
hooks.remove(server.extensions["cip_guard"].check)


def _everybody() -> None:
    set_principal(_VIEWER)


server.before_request(_everybody)
