"""What was made for one viewer serves all who may see the same, ask the same, of the same data."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from cip.domain.principals import Principal
from cip.services.base import Resources
from cip.services.pulse import PulseService, version_order


@dataclass(frozen=True, slots=True)
class Made:
    """`lasts`: whether it may serve others until the data changes."""

    value: Any
    lasts: bool


class _PassingError(Exception):
    """Carries past the cache what is not to be kept."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class ViewService:
    """Kept by tenant, permissions, name and data version, in this process."""

    def __init__(self, resources: Resources, pulse: PulseService) -> None:
        self._values = resources.values
        self._pulse = pulse

    def shared(
        self, principal: Principal, name: Hashable, told: object, make: Callable[[], Made]
    ) -> Any:
        """What `make` makes, or made of data no older than version `told`, the one that the page
        knows. Raises what `make` raises, `UnavailableError` when Redis is away."""
        key = ("view", principal.tenant, principal.role, principal.permissions, name)
        wanted = version_order(told)
        newest = self._values.peek(key)
        if newest is not None and wanted is not None and newest[0] >= wanted:
            return newest[1]
        version = self._pulse.version_since(principal, told)
        try:
            value = self._values.get((*key, version), lambda: _lasting(make()))
        except _PassingError as passing:
            return passing.value
        self._values.keep(key, (version_order(version), value))
        return value


def _lasting(made: Made) -> Any:
    if not made.lasts:
        raise _PassingError(made.value)
    return made.value
