"""Minor units: how many make one of the currency."""

from __future__ import annotations

from typing import Final

# ISO 4217's exceptions to two digits.
_WITHOUT: Final = ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX")
_WITHOUT_TOO: Final = ("UYI", "VND", "VUV", "XAF", "XOF", "XPF")
_THREE: Final = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
_FOUR: Final = ("CLF", "UYW")
_DIGITS: Final = {
    **dict.fromkeys((*_WITHOUT, *_WITHOUT_TOO), 0),
    **dict.fromkeys(_THREE, 3),
    **dict.fromkeys(_FOUR, 4),
}


def minor_digits(currency: str) -> int:
    """Decimal digits of the currency's minor unit: 2 for EUR, 0 for JPY."""
    return _DIGITS.get(currency, 2)


def minor_per_major(currency: str) -> int:
    return int(10 ** minor_digits(currency))
