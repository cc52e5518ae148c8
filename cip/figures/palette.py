"""Which category has which colour: bound once here by name, never by position in a result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from cip.figures.theme import token

OTHER: Final = "Other types"
_SLATE: Final = 8
_EVENT_TYPES: Final = {
    "page.viewed": 1,
    "feature.used": 2,
    "email.opened": 3,
    "message.sent": 4,
    "purchase.completed": 5,
    "stage.entered": 6,
    "conversation.started": 7,
    OTHER: _SLATE,
}


@dataclass(frozen=True, slots=True)
class SegmentLook:
    """`icon` is a Bootstrap icon, `meaning` one line for people."""

    category: int
    icon: str
    meaning: str

    @property
    def color(self) -> str:
        return token(f"cat-{self.category}")


# Eleven segments share eight hues: kin have one hue, and the icon and the name part them.
_SEGMENTS: Final = {
    "champions": SegmentLook(1, "star", "Bought lately, buy often, spend most"),
    "loyal": SegmentLook(2, "heart", "Come back steadily"),
    "potential loyalist": SegmentLook(3, "graph-up-arrow", "Recent, several orders, still forming"),
    "promising": SegmentLook(3, "lightbulb", "Fairly recent, few orders, good spend"),
    "new": SegmentLook(4, "person-plus", "First orders only lately"),
    "at risk": SegmentLook(5, "exclamation-triangle", "Bought often, silent for long"),
    "about to sleep": SegmentLook(6, "moon", "Few orders, going quiet"),
    "need attention": SegmentLook(6, "bell", "Good orders and spend, slowing down"),
    "can't lose": SegmentLook(7, "shield-exclamation", "Spent most, have not come back"),
    "lost": SegmentLook(_SLATE, "moon-stars", "Longest without an order"),
    "others": SegmentLook(_SLATE, "people", "Fit none of the rules"),
}
_UNKNOWN_SEGMENT: Final = SegmentLook(_SLATE, "people", "A segment of this tenant's own rules")


def segment_look(name: str) -> SegmentLook:
    return _SEGMENTS.get(name.casefold(), _UNKNOWN_SEGMENT)


def event_type_color(kind: str) -> str:
    """The colour of one event type, the same everywhere."""
    return token(f"cat-{_event_category(kind)}")


def event_type_colors(kinds: Iterable[str]) -> dict[str, str]:
    """Colours of types shown together: bound ones keep theirs, a clash moves the unbound one."""
    names = sorted(set(kinds), key=lambda kind: (kind not in _EVENT_TYPES, kind))
    taken: dict[str, int] = {}
    for kind in names:
        wanted = _event_category(kind)
        free = [c for c in _from(wanted) if c not in taken.values()] or [wanted]
        taken[kind] = wanted if kind in _EVENT_TYPES else free[0]
    return {kind: token(f"cat-{category}") for kind, category in taken.items()}


def _event_category(kind: str) -> int:
    return _EVENT_TYPES.get(kind) or crc32(kind.encode()) % (_SLATE - 1) + 1


def _from(start: int) -> list[int]:
    """The categories but slate, beginning with `start`."""
    return [(start - 1 + step) % (_SLATE - 1) + 1 for step in range(_SLATE - 1)]
