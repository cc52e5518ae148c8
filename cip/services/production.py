"""What production refuses to start with and only the data store can tell."""

from __future__ import annotations

from cip.domain.errors import SettingsError
from cip.store.users import UserStore


def refuse_demo_accounts(users: UserStore) -> None:
    """Raises `SettingsError` while a demo account exists, disabled or not: its password is
    published. Raises `UnavailableError` when Redis is away."""
    names = [user.username for user in users.all() if user.demo]
    if names:
        raise SettingsError(
            f"CIP_ENV=production refuses a data store with demo accounts ({', '.join(names)}): "
            "point CIP_REDIS_URL or CIP_HOME at another one.",
            field="CIP_ENV",
        )
