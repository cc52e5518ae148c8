"""Money as text: the exact way from major to minor units."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from cip.domain.events import MAX_AMOUNT_MINOR

_PLAIN: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_MAX_CHARACTERS: Final = 100
# Wide enough that no step before the last rounds: the one rounding is `to_integral_value`.
_EXACT: Final = Context(prec=1_500)


def to_minor(text: str, digits: int, *, whole: bool = False) -> int | None:
    """`text` as a whole number of minor units; None when it is no finite plain number.

    Exact decimal arithmetic, rounded once, halves away from zero: 2.675 becomes 268 and -2.675
    becomes -268. With `whole`, a number that would need rounding is none. A number beyond the
    largest amount comes back as one that is too large.
    """
    if len(text) > _MAX_CHARACTERS or not _PLAIN.fullmatch(text):
        return None
    exact = Decimal(text).scaleb(digits, _EXACT)
    minor = exact.to_integral_value(ROUND_HALF_UP, _EXACT)
    if whole and minor != exact:
        return None
    return int(minor) if abs(minor) <= MAX_AMOUNT_MINOR else MAX_AMOUNT_MINOR + 1
