"""Erasing by the API: any customer id, one's own tenant, and a receipt."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

import pytest
from dash import Dash

from cip.domain.permissions import Permission, Role
from cip.domain.tenants import tenant_id
from tests.factories import Platform, raw_event
from tests.web.conftest import PASSWORD, Client, sign_in

ERASED = "erased"


@pytest.fixture
def ann(app: Dash, platform: Platform) -> Client:
    """An analyst of acme: may read customers, and not erase them."""
    platform.services.accounts.create_user("ann", PASSWORD, tenant_id("acme"), Role.ANALYST)
    return sign_in(app, "ann")


def erase(client: Client, customer: str) -> Any:
    return client.delete(f"/api/v1/customers/{quote(customer, safe='')}")


def send(platform: Platform, customer: str, name: str = "acme") -> Any:
    return platform.services.ingestion.accept(tenant_id(name), [raw_event(customer=customer)])


@pytest.mark.parametrize(
    "customer",
    ["c-7", "a/b", "/a", "a/", "a//b", "//", "a b", "ä/ö", "100%", "%2F", "a?b=c#d", "..", "a;b",
     "x" * 256, "customer@example.org", "日本"],
)  # fmt: skip
def test_any_customer_can_be_erased(alice: Client, platform: Platform, customer: str) -> None:
    assert send(platform, customer).accepted == 1
    answer = erase(alice, customer)
    assert answer.status_code == 202, answer.text
    receipt = answer.json
    assert answer.headers["Location"] == f"/api/v1/erasures/{receipt['id']}"
    assert receipt["requested_by"] == "alice"
    assert customer not in answer.text.replace(receipt["id"], "") or len(customer) < 3
    (rejected,) = send(platform, customer).rejected
    assert (rejected.field, rejected.code) == ("customer_id", ERASED)
    assert send(platform, "another one").accepted == 1
    followed = alice.get(answer.headers["Location"])
    assert (followed.status_code, followed.json) == (200, receipt)


@pytest.mark.parametrize(
    ("path", "status"),
    [("x" * 257, 422), ("%00", 422), ("%07a", 422), ("", 404), ("%0Aa", 422),
     ("a%0Ab", 422), ("a%0A", 422), ("%0A", 422)],
)  # fmt: skip
def test_what_no_event_can_name_is_refused(alice: Client, path: str, status: int) -> None:
    answer = alice.delete(f"/api/v1/customers/{path}")
    assert answer.status_code == status
    assert answer.json["error"]["code"] in ("invalid", "not_found")


@pytest.mark.parametrize("path", ["%FF", "%ED%A0%80", "M%FCller", "a%2F%C3", "%C0%AF"])
def test_an_address_that_is_no_utf_8_erases_nobody(
    alice: Client, platform: Platform, path: str
) -> None:
    # As a server hands it over; the test client would correct it.
    as_sent = f"/api/v1/customers/{unquote(path, encoding='latin-1')}"
    answer = alice.delete("/api/v1/customers/x", environ_overrides={"PATH_INFO": as_sent})
    error = answer.json["error"]
    assert (answer.status_code, error["code"], error["field"]) == (422, "invalid", "customer_id")
    # Whom it would be if what cannot be read were replaced.
    replaced = unquote(path, errors="replace")
    assert send(platform, replaced).accepted == 1
    assert erase(alice, replaced).status_code == 202


def test_erasing_needs_the_permission(bob: Client, ann: Client, alice: Client) -> None:
    location = erase(alice, "c-7").headers["Location"]
    for client in (bob, ann):
        assert erase(client, "c-7").status_code == 403
        assert client.get(location).status_code == 403


def test_a_key_cannot_erase(anonymous: Client, api_key: str) -> None:
    head = {"X-API-Key": api_key}
    assert anonymous.delete("/api/v1/customers/c-7", headers=head).status_code == 403
    assert Permission.CUSTOMERS_ERASE.value == "customers:erase"


def test_another_tenants_customer_and_receipt_are_out_of_reach(
    alice: Client, charlie: Client, platform: Platform
) -> None:
    location = erase(alice, "c-7").headers["Location"]
    assert charlie.get(location).status_code == 404
    assert erase(charlie, "c-7").status_code == 202  # a customer of its own, as far as it knows
    assert send(platform, "c-8").accepted == 1
    erase(charlie, "c-8")
    assert send(platform, "c-8").accepted == 1


@pytest.mark.parametrize("name", ["nothing", "0" * 24, "..", "%2e%2e", "a:b", "{acme}"])
def test_an_unknown_receipt_is_not_found(alice: Client, name: str) -> None:
    answer = alice.get(f"/api/v1/erasures/{name}")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "not_found")


def test_a_page_of_another_site_erases_nothing(alice: Client, platform: Platform) -> None:
    answer = alice.delete("/api/v1/customers/c-7", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert send(platform, "c-7").accepted == 1
