"""Administration, users: the list, invitations, and what is done to one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import Input, Output

from callbacks._areas import (
    Act,
    Answer,
    act_of,
    answer,
    card_outputs,
    card_values,
    opening,
    register_area,
    register_rows,
    undoing,
)
from callbacks._panels import zone_of
from callbacks.admin_rows import invitation_secret, people_table
from cip.domain.errors import InvalidInputError
from cip.domain.permissions import Permission, Role
from cip.domain.principals import Principal
from layouts import ids
from layouts.admin import ROLES
from layouts.view import View

if TYPE_CHECKING:
    from cip.services import Services
    from cip.web.dash_callbacks import CallbackGroup

_AREA: Final = ids.ADMIN_USERS
_MANAGE: Final = Permission.USERS_MANAGE


def register(group: CallbackGroup, services: Services) -> None:
    @group.callback(
        *card_outputs(_AREA),
        *opening(_AREA),
        Input(ids.answer(_AREA), "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def show_people(
        principal: Principal, opened: object, drawn: object, _answer: object
    ) -> tuple[Any, ...]:
        return card_values(services, opened, drawn, lambda: people_view(services, principal))

    @group.callback(
        Output(ids.answer(_AREA), "data"),
        Input(ids.act(_AREA), "data"),
        permission=_MANAGE,
        prevent_initial_call=True,
    )
    def act_on_people(principal: Principal, posted: object) -> Answer:
        act = act_of(posted, _ACTS)
        return _ACTS[act.action](services, principal, act)

    register_rows(group, _AREA)
    register_area(group, _AREA)


def people_view(services: Services, principal: Principal) -> View:
    people = services.people.all(principal)
    invited = sum(person.invited for person in people)
    more = f", {invited} of them invited" if invited else ""
    many = "1 person" if len(people) == 1 else f"{len(people)} people"
    zone = zone_of(services, principal)
    table = people_table(people, oneself=principal.subject, zone=zone)
    return View(table, subtitle=many + more)


def _invite(services: Services, who: Principal, act: Act) -> Answer:
    invited = services.people.invite(
        who, act.text("username"), act.text("name"), _role(act.text("role"))
    )
    if invited.code is None:
        more = "They are known to the platform already and sign in with the password they have."
        return answer(act, f"{invited.username} is a member now.", more=more, reset=True)
    secret = invitation_secret(invited, zone_of(services, who))
    return answer(act, f"{invited.username} is invited.", secret=secret, reset=True)


def _renew(services: Services, who: Principal, act: Act) -> Answer:
    invited = services.people.renew_invitation(who, act.target)
    secret = invitation_secret(invited, zone_of(services, who))
    return answer(act, f"{act.target} has a new invitation.", secret=secret)


def _change_role(services: Services, who: Principal, act: Act) -> Answer:
    role = _role(act.text("role"))
    people = {person.username: person for person in services.people.all(who)}
    services.people.change_role(who, act.target, role)
    undo = undoing("role", act.target, role=people[act.target].role.value)
    return answer(act, f"{act.target} is {_ARTICLED[role]} now.", undo=undo)


def _disable(services: Services, who: Principal, act: Act) -> Answer:
    services.people.set_disabled(who, act.target, True)
    undo = undoing("enable", act.target)
    return answer(act, f"{act.target} is disabled and signed out everywhere.", undo=undo)


def _enable(services: Services, who: Principal, act: Act) -> Answer:
    services.people.set_disabled(who, act.target, False)
    return answer(act, f"{act.target} may sign in again.", undo=undoing("disable", act.target))


def _sign_out(services: Services, who: Principal, act: Act) -> Answer:
    ended = services.people.sign_out_everywhere(who, act.target)
    many = "1 session" if ended == 1 else f"{ended} sessions"
    return answer(act, f"{act.target} is signed out: {many} ended.")


def _remove(services: Services, who: Principal, act: Act) -> Answer:
    services.people.remove(who, act.target)
    return answer(act, f"{act.target} is removed from this tenant.")


def _role(text: str) -> Role:
    if text not in ROLES:
        raise InvalidInputError("A role is viewer, analyst or administrator.", field="role")
    return Role(text)


_ARTICLED: Final = {
    Role.VIEWER: "a viewer",
    Role.ANALYST: "an analyst",
    Role.ADMIN: "an administrator",
}
_ACTS: Final = {
    "invite": _invite,
    "renew": _renew,
    "role": _change_role,
    "disable": _disable,
    "enable": _enable,
    "sign_out": _sign_out,
    "remove": _remove,
}
