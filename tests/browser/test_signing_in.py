"""Signing in and out in a browser."""

from __future__ import annotations

from tests.browser.conftest import Browser


def test_a_wrong_password_is_refused_politely(visitor: Browser) -> None:
    visitor.sign_in("alice", "wrong horse battery")
    visitor.wait_for("#login-error")
    assert "password" in str(visitor.text("#login-error"))
    assert visitor.run("return document.querySelector('#username').value") == "alice"
    assert visitor.run("return document.querySelector('#password').value") == ""


def test_a_page_leads_to_the_login_and_the_login_back_to_it(visitor: Browser) -> None:
    visitor.open("/segments?method=r7")
    visitor.wait_for("h1", "Sign in")
    visitor.run(
        "document.querySelector('#username').value = 'alice';"
        "document.querySelector('#password').value = 'correct horse battery';"
        "document.querySelector('#sign-in').click()"
    )
    visitor.wait_for("#page-content h1", "Segments")
    assert visitor.driver.current_url.endswith("/segments?method=r7")


def test_logging_out_ends_the_session(alice: Browser) -> None:
    alice.click("#log-out")
    alice.wait_for("h1", "Sign in")
    alice.open("/")
    alice.wait_for("h1", "Sign in")


def test_a_session_that_ended_leads_to_the_login_at_the_next_tick(alice: Browser) -> None:
    alice.wait_for("#tenant-name .tenant-name", "Acme")
    alice.driver.delete_all_cookies()
    alice.click("#refresh-now")
    alice.wait_for("h1", "Sign in")
    alice.complaints()  # the refused tick, wanted here


def test_a_path_that_leads_nowhere_says_so(alice: Browser) -> None:
    alice.open("/nowhere")
    alice.wait_for("h1", "Page not found")
