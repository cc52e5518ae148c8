"""Which role may do what: the one table."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from cip.domain.permissions import Permission, Role

_VIEWER: Final = frozenset({Permission.ANALYTICS_VIEW})
_ANALYST: Final = _VIEWER | {
    Permission.ANALYTICS_EXPORT,
    Permission.CUSTOMERS_READ,
    Permission.SEGMENTS_MANAGE,
}
_ADMIN: Final = _ANALYST | {
    Permission.CUSTOMERS_EXPORT,
    Permission.CUSTOMERS_ERASE,
    Permission.USERS_MANAGE,
    Permission.KEYS_MANAGE,
    Permission.SETTINGS_MANAGE,
    Permission.AUDIT_VIEW,
    Permission.DEAD_LETTERS_MANAGE,
    Permission.EVENTS_WRITE,
}
PERMISSIONS: Final = MappingProxyType(
    {
        Role.VIEWER: _VIEWER,
        Role.ANALYST: _ANALYST,
        Role.ADMIN: _ADMIN,
        Role.SUPER_ADMIN: _ADMIN | {Permission.TENANTS_MANAGE},
    }
)
# What an API key may be given; never the right to manage people or keys.
KEY_SCOPES: Final = frozenset(
    {
        Permission.EVENTS_WRITE,
        Permission.ANALYTICS_VIEW,
        Permission.ANALYTICS_EXPORT,
        Permission.CUSTOMERS_READ,
    }
)
