"""What the account's callbacks share: values that a browser posts, and failures to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash.development.base_component import Component

from callbacks._panels import problem_details
from cip.domain.errors import CipError, InvalidInputError
from cip.services.outcomes import problem
from layouts.states import failure

if TYPE_CHECKING:
    from cip.services import Services


def posted_text(value: object, field: str, *, longest: int) -> str:
    """Raises `InvalidInputError` for what no field of ours can hold; an empty one posts None."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidInputError(f"Text of at most {longest} characters.", field=field)
    return value


def failed(services: Services, error: CipError) -> Component:
    resources = services.resources
    told = problem(error, resources.request_id(), resources.clock())
    return failure("This card could not be read", error.message, problem_details(told))
