"""The API: erasing a customer."""

from __future__ import annotations

from typing import Final

import flask
from flask.typing import ResponseReturnValue
from werkzeug.routing import BaseConverter

from cip.domain.erasure import Erasure
from cip.domain.errors import InvalidInputError
from cip.domain.events import MAX_ID_CHARACTERS
from cip.domain.permissions import Permission
from cip.services import Services
from cip.web.api_routes import JSON, PREFIX, Routes, Told, address_part, in_path
from cip.web.requests import principal

_ABOUT: Final = "Customers"
_ERASE: Final = Permission.CUSTOMERS_ERASE
_ANYTHING: Final = "anything"
_CUSTOMER: Final = in_path(
    "customer_id",
    "As in the events. Percent-encode everything but letters, digits, `-`, `_`, `.` and `~`: a"
    " slash is `%2F`.",
    minLength=1,
    maxLength=MAX_ID_CHARACTERS,
)


class AnythingConverter(BaseConverter):
    """A customer's id holds what it likes, slashes at its ends too."""

    regex = "(?s:.+)"
    part_isolating = False


def register(routes: Routes, services: Services) -> None:
    def erase_customer() -> ResponseReturnValue:
        erasure = services.erasure.request(principal(), _customer_id())
        return _answer(erasure), 202, {"Location": f"{PREFIX}/erasures/{erasure.id}"}

    def erasure() -> ResponseReturnValue:
        return _answer(services.erasure.receipt(principal(), address_part("erasure_id")))

    routes.converter(_ANYTHING, AnythingConverter)
    routes.add("DELETE", f"/customers/<{_ANYTHING}:customer_id>", erase_customer, Told(
        "Erase a customer", _ABOUT, {202: Erasure}, (403, 404, 422), needs=_ERASE,
        parameters=(_CUSTOMER,),
        headers={202: {"Location": "Where the receipt is."}},
        more="From the answer on no event of the customer up to now is taken, and what is there is"
        " erased; the receipt tells how far that has come. Answers alike whether there is such a"
        " customer or not.",
    ), merge_slashes=False)  # fmt: skip
    routes.add("GET", "/erasures/<erasure_id>", erasure, Told(
        "The receipt of an erasure", _ABOUT, {200: Erasure}, (403, 404), needs=_ERASE,
        parameters=(in_path("erasure_id", "Of the receipt."),),
    ))  # fmt: skip


def _customer_id() -> str:
    """As the address has it. A byte that is not UTF-8 would else be read as U+FFFD, which may be
    somebody, and surely is not who was meant."""
    try:
        # WSGI hands bytes over as Latin-1.
        flask.request.environ["PATH_INFO"].encode("latin-1").decode("utf-8")
    except UnicodeError as error:
        raise InvalidInputError(
            "Percent-encoded UTF-8 is expected in the address.", field="customer_id"
        ) from error
    return address_part("customer_id")


def _answer(erasure: Erasure) -> flask.Response:
    return flask.Response(erasure.model_dump_json(), mimetype=JSON)
