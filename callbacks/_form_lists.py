"""What the fields of a form offer while one types; the services check what was typed."""

from __future__ import annotations

from functools import cache
from typing import Final
from zoneinfo import available_timezones

# Any other three letters are taken too.
CURRENCIES: Final = (
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "IDR", "ILS",
    "INR", "JPY", "KRW", "MXN", "NOK", "NZD", "PLN", "RON", "SEK", "SGD", "THB", "TRY", "TWD",
    "USD", "ZAR",
)  # fmt: skip
_OLD: Final = ("Etc/", "SystemV/", "US/")


@cache
def timezones() -> list[str]:
    """Places, and UTC; not the old names that stand for them."""
    names = (name for name in available_timezones() if "/" in name)
    return ["UTC", *sorted(name for name in names if not name.startswith(_OLD))]
