"""Permissions (`resource:action`) and the roles that bundle them."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    ANALYTICS_VIEW = "analytics:view"
    ANALYTICS_EXPORT = "analytics:export"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_EXPORT = "customers:export"
    CUSTOMERS_ERASE = "customers:erase"
    SEGMENTS_MANAGE = "segments:manage"
    EVENTS_WRITE = "events:write"
    USERS_MANAGE = "users:manage"
    KEYS_MANAGE = "keys:manage"
    SETTINGS_MANAGE = "settings:manage"
    AUDIT_VIEW = "audit:view"
    DEAD_LETTERS_MANAGE = "dead_letters:manage"
    TENANTS_MANAGE = "tenants:manage"


class Role(StrEnum):
    VIEWER = "viewer"
    ANALYST = "analyst"
    ADMIN = "admin"
    SUPER_ADMIN = "super_admin"
    API_KEY = "api_key"
