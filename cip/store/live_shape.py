"""How the live counters are laid out: buckets of minutes and hours, their names, their life."""

from __future__ import annotations

from typing import Final, Literal

SEP: Final = "\x1f"
WINDOW_HOURS: Final = 48
KEPT_MINUTES: Final = (WINDOW_HOURS + 2) * 60
LIFE_SECONDS: Final = (WINDOW_HOURS + 4) * 3600
MICROSECONDS_PER_MINUTE: Final = 60_000_000

Unit = Literal["m", "h"]
Who = Literal["a", "b"]  # active customers, buyers


def expires_at(unit: str, number: int) -> int:
    """Seconds since 1970: a bucket's end plus its life."""
    end = number * 60 if unit == "m" else (number + 1) * 3600
    return end + LIFE_SECONDS


def people_buckets(unit: str, who: str, number: int, channel: str) -> list[str]:
    """The HyperLogLogs that somebody of a channel is met in: that of all, that of the channel."""
    return [f"{unit}{who}:{number}", f"{unit}{who}:{number}:{channel}"]
