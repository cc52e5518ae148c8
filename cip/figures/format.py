"""Numbers, money, shares, durations and times as people read them. Pure; `now` is an argument."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

DASH: Final = "–"

_SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩"}
# ISO 4217: currencies whose minor unit is not a hundredth.
_EXPONENTS: Final = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
    "RWF": 0, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip
_STEPS: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_SPANS: Final = (
    (timedelta(days=365), "y"),
    (timedelta(days=1), "d"),
    (timedelta(hours=1), "h"),
    (timedelta(minutes=1), "min"),
)


def count(value: float) -> str:
    """`1,234` up to 9,999, then `12.3k`, `4.5M`."""
    if abs(value) < 9_999.5:
        return f"{value:,.0f}".replace("-", "−")
    return _shortened(value)


def exact(value: float) -> str:
    return f"{value:,.0f}".replace("-", "−")


def money_exponent(currency: str) -> int:
    return _EXPONENTS.get(currency, 2)


def major(minor: float, currency: str) -> float:
    """Minor units as units of the currency."""
    return float(minor / 10 ** money_exponent(currency))


def currency_sign(currency: str) -> str:
    """The sign, or the code and a space where the currency has no sign of its own."""
    return _SYMBOLS.get(currency, f"{currency} ")


def money(minor: float, currency: str) -> str:
    """`€72.40` below a thousand, `€1,234` up to 9,999, then `€12.3k`."""
    value = major(minor, currency)
    sign = "−" if value < 0 else ""
    size = abs(value)
    if size >= 9_999.5:
        text = _shortened(size)
    elif size >= 999.5 or money_exponent(currency) == 0:
        text = f"{size:,.0f}"
    else:
        text = f"{size:,.2f}"
    return f"{sign}{currency_sign(currency)}{text}"


def money_exact(minor: float, currency: str) -> str:
    value = major(minor, currency)
    sign = "−" if value < 0 else ""
    return f"{sign}{currency_sign(currency)}{abs(value):,.{money_exponent(currency)}f}"


def percent(share: float) -> str:
    """A share (0 to 1) as a percentage with one digit."""
    return f"{share * 100:.1f} %".replace("-", "−")


def decimal(value: float, digits: int = 1) -> str:
    return f"{value:,.{digits}f}".replace("-", "−")


def span(length: timedelta) -> str:
    """A duration in one unit: `45 s`, `18 min`, `2.1 h`, `3 d`, `14.9 y`."""
    for unit, name in _SPANS:
        if length >= unit:
            amount = length / unit
            digits = 0 if name == "min" or amount >= 10 else 1
            return f"{amount:.{digits}f}".removesuffix(".0") + f" {name}"
    return f"{max(0, int(length.total_seconds()))} s"


def day(instant: datetime, zone: ZoneInfo) -> str:
    """`Sun 22 Nov 2026` on the tenant's calendar."""
    local = instant.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y}"


def day_and_time(instant: datetime, zone: ZoneInfo) -> str:
    """`Sun 22 Nov 2026, 14:32 Berlin`."""
    local = instant.astimezone(zone)
    return f"{day(instant, zone)}, {local:%H:%M} {place(zone.key)}"


def clock(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%H:%M}"


def place(timezone: str) -> str:
    """`Berlin` for `Europe/Berlin`."""
    return timezone.rsplit("/", 1)[-1].replace("_", " ")


def _shortened(value: float) -> str:
    sign = "−" if value < 0 else ""
    size = abs(value)
    for step, letter in _STEPS:
        # 999,950 would round to "1000.0k": the next letter takes over where rounding does.
        if size >= step * 0.99995:
            return f"{sign}{size / step:,.1f}{letter}"
    return f"{sign}{size:,.0f}"
