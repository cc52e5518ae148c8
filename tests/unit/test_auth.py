"""Keys and the policy."""

from __future__ import annotations

from cip.auth import api_keys
from cip.auth.policy import KEY_SCOPES, PERMISSIONS
from cip.domain.permissions import Permission, Role


def test_a_key_is_checked_by_its_digest() -> None:
    key_id, text, digest = api_keys.new_key()
    parts = api_keys.split(text)
    assert parts is not None
    assert parts[0] == key_id
    assert api_keys.fits(parts[1], digest)
    assert not api_keys.fits(parts[1][:-1] + "x", digest)
    assert api_keys.split("cip_nonsense") is None


def test_roles_hold_what_the_table_says() -> None:
    viewer, analyst = PERMISSIONS[Role.VIEWER], PERMISSIONS[Role.ANALYST]
    admin, root = PERMISSIONS[Role.ADMIN], PERMISSIONS[Role.SUPER_ADMIN]
    assert viewer == {Permission.ANALYTICS_VIEW}
    assert analyst - viewer == {
        Permission.ANALYTICS_EXPORT,
        Permission.CUSTOMERS_READ,
        Permission.SEGMENTS_MANAGE,
    }
    assert admin - analyst == {
        Permission.CUSTOMERS_EXPORT,
        Permission.CUSTOMERS_ERASE,
        Permission.USERS_MANAGE,
        Permission.KEYS_MANAGE,
        Permission.SETTINGS_MANAGE,
        Permission.AUDIT_VIEW,
        Permission.DEAD_LETTERS_MANAGE,
        Permission.EVENTS_WRITE,
    }
    assert root - admin == {Permission.TENANTS_MANAGE}
    assert not KEY_SCOPES & {Permission.USERS_MANAGE, Permission.KEYS_MANAGE}
