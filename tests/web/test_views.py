"""Views that viewers share: never another's, never older than what a page was told."""

from __future__ import annotations

from itertools import count

from cip.domain.permissions import Role
from cip.services import Services, make_services
from cip.services.views import Made
from tests.factories import KEYS, Platform, raw_event

LONG = 3_600.0


def waiting_services(platform: Platform) -> Services:
    """A worker whose own look at the version is not due for an hour."""
    return make_services(
        platform.redis_url, platform.redis_url, KEYS, version_seconds=LONG, clock=platform.clock
    )


def drawn(platform: Platform, services: Services, told: object, **who: object) -> object:
    principal = platform.principal(**who)  # type: ignore[arg-type]
    return services.views.shared(principal, "strip", told, lambda: Made(next(DRAWN), lasts=True))


DRAWN = count()


def test_one_drawing_serves_all_viewers_of_a_version(platform: Platform) -> None:
    services = platform.services
    version = services.pulse.version(platform.principal())
    assert drawn(platform, services, version) == drawn(platform, services, version)


def test_new_data_is_drawn_anew(platform: Platform) -> None:
    services = platform.services
    first = drawn(platform, services, services.pulse.version(platform.principal()))
    platform.send(raw_event())
    assert drawn(platform, services, services.pulse.version(platform.principal())) != first


def test_a_worker_draws_anew_for_a_version_that_another_worker_told(platform: Platform) -> None:
    worker = waiting_services(platform)
    before = worker.pulse.version(platform.principal())
    first = drawn(platform, worker, before)
    platform.send(raw_event())
    assert worker.pulse.version(platform.principal()) == before  # it has not looked since
    told = platform.services.pulse.version(platform.principal())
    assert told != before
    second = drawn(platform, worker, told)
    assert second != first
    assert worker.pulse.version(platform.principal()) == told


def test_a_page_that_knows_less_gets_the_newest_drawing(platform: Platform) -> None:
    services = platform.services
    old = services.pulse.version(platform.principal())
    platform.send(raw_event())
    newest = drawn(platform, services, services.pulse.version(platform.principal()))
    assert drawn(platform, services, old) == newest


def test_other_tenants_and_roles_have_drawings_of_their_own(platform: Platform) -> None:
    platform.add_tenant("outside")
    services = platform.services
    version = services.pulse.version(platform.principal())
    mine = drawn(platform, services, version)
    assert drawn(platform, services, version, name="outside") != mine
    assert drawn(platform, services, version, role=Role.VIEWER) != mine
    assert drawn(platform, services, version) == mine


def test_what_does_not_last_is_drawn_each_time(platform: Platform) -> None:
    services, who = platform.services, platform.principal()
    version = services.pulse.version(who)
    numbers = count()
    answers = [
        services.views.shared(who, "pending", version, lambda: Made(next(numbers), lasts=False))
        for _ in range(3)
    ]
    assert answers == [0, 1, 2]


def test_a_version_that_is_none_changes_nothing(platform: Platform) -> None:
    worker = waiting_services(platform)
    version = worker.pulse.version(platform.principal())
    platform.send(raw_event())
    for told in (None, "unreachable", 7, "", "1", "1.2", "a.b.c", "-1.2.3", "9" * 100, ["1.2.3"]):
        assert worker.pulse.version_since(platform.principal(), told) == version


def test_two_workers_do_not_drive_each_other_on(platform: Platform) -> None:
    """Each event makes a version. A worker that is behind one that a page knows looks anew, and
    takes the page's name for what it finds, though there may be events since."""
    first, second = waiting_services(platform), waiting_services(platform)
    who = platform.principal()
    before = second.pulse.version(who)
    platform.send(raw_event())
    told = first.pulse.version(who)
    assert told != before
    platform.send(raw_event())
    assert second.pulse.version_since(who, told) == told
    assert second.pulse.version(who) == told
    assert waiting_services(platform).pulse.version(who) > told
