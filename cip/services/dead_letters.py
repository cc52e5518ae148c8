"""Dead letters as administrators look at them: why, what, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import orjson

from cip import failpoints
from cip.domain.audit import Scalar
from cip.domain.dead_letters import MAX_EDITABLE_CHARACTERS, Letter, Reason
from cip.domain.erasure import ERASED_CODE
from cip.domain.errors import CipError, NotFoundError
from cip.domain.events import Event, EventRejectedError, parse_event
from cip.domain.permissions import Permission
from cip.domain.principals import Principal
from cip.domain.tenants import Tenant
from cip.services.audit import AuditService
from cip.services.base import Resources
from cip.store.client import required
from cip.store.dead_letters import CHUNK, DeadLetters, Settlement
from cip.store.streams import TombstonesChangedError
from cip.store.tombstones import Erased, Tombstones

PAGE: Final = 25
MOST_REASONS: Final = 100
MOST_AT_ONCE: Final = 10_000
MOST_EXPORTED: Final = 1_000
MAX_EDITED_CHARACTERS: Final = MAX_EDITABLE_CHARACTERS

_ERASED: Final = "This customer was erased; events of before that are not taken."

Outcome = Literal["replayed", "duplicate", "gone", "refused"]
_OUTCOMES: Final[Mapping[str, Outcome]] = {"": "gone", "duplicate": "duplicate"}


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """Letters that fail alike. `newest_at` and `message` are of the newest, None if it is gone."""

    reason: Reason
    letters: int
    newest_at: datetime | None
    message: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The reasons with the most letters first. `other_reasons`: how many are not listed;
    `not_kept`: rejections that were only counted, since there were too many."""

    rows: tuple[ReasonRow, ...]
    letters: int
    other_reasons: int
    not_kept: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one letter. `problem` says why where it was refused, and it stays then."""

    letter_id: str
    event_id: str | None
    outcome: Outcome
    problem: CipError | None = None


class DeadLetterService:
    """Works within the principal's tenant: another tenant's letter does not exist here. Raises
    `UnavailableError` when Redis does not answer: a repeat then settles no letter twice."""

    def __init__(self, resources: Resources, audit: AuditService) -> None:
        self._resources = resources
        self._audit = audit

    def overview(self, who: Principal) -> Overview:
        letters = self._reads(who)
        with required():
            heap = letters.heap()
            ranked = sorted(heap.reasons.items(), key=lambda pair: (-pair[1], pair[0].key))
            shown = ranked[:MOST_REASONS]
            newest = letters.newest([reason for reason, _ in shown])
        rows = tuple(
            ReasonRow(reason, many, one.at if one else None, one.message if one else "")
            for (reason, many), one in zip(shown, newest, strict=True)
        )
        return Overview(rows, heap.letters, len(ranked) - len(shown), heap.not_kept)

    def reasons(self, who: Principal) -> list[Reason]:
        """All there are, also those that an overview has no room for."""
        letters = self._reads(who)
        with required():
            return sorted(letters.heap().reasons, key=lambda reason: reason.key)

    def page(
        self, who: Principal, reason: Reason, *, before: str = "", limit: int = PAGE
    ) -> list[Letter]:
        """The newest letters of a reason, older than the letter `before`."""
        who.require(Permission.CUSTOMERS_READ)
        letters = self._reads(who)
        with required():
            return letters.page(reason, before=before, limit=limit)

    def get(self, who: Principal, letter_id: str) -> Letter:
        who.require(Permission.CUSTOMERS_READ)  # a letter holds whatever was sent of a customer
        letters = self._reads(who)
        with required():
            found = letters.find(letter_id)
        if found is None:
            raise _gone()
        return found

    def exported(self, who: Principal, reason: Reason) -> list[Letter]:
        """The newest letters of a reason, for a file; no file leaves without an audit event."""
        found = self.page(who, reason, limit=MOST_EXPORTED)
        self._audit.record(
            who.tenant, who.subject, "dead_letter.exported", f"{reason.source}:{reason.code}",
            after={**_audited(reason), "letters": len(found)},
        )  # fmt: skip
        return found

    def replay(self, who: Principal, letter_id: str, edited: str | None = None) -> Settled:
        """Accepts the letter's event, or the edited one, as if it had just been sent. Raises
        `EventRejectedError` where it is not one yet; the letter stays then."""
        letter = self.get(who, letter_id)
        raw = letter.event if edited is None else _json(edited)
        # What is refused anyway is refused before it stands in the audit log.
        tenant = self._resources.tenants.get(who.tenant)
        parse_event(raw, tenant=tenant, now=self._resources.clock())
        failpoints.hit("replay.before")
        with self._audit.recorded(
            who.tenant, who.subject, "dead_letter.replayed", letter.id,
            after={**_audited(letter.reason), "edited": edited is not None},
        ):  # fmt: skip
            (settled,) = self._accept(who, [(letter, raw)])
            if settled.problem is not None:
                raise settled.problem
            if settled.outcome == "gone":
                raise _gone()
        failpoints.hit("replay.after")
        return settled

    def discard(self, who: Principal, letter_id: str) -> None:
        letter = self.get(who, letter_id)
        with self._audit.recorded(
            who.tenant, who.subject, "dead_letter.discarded", letter.id,
            after=_audited(letter.reason),
        ):  # fmt: skip
            self._drop(who, [letter])

    def replay_all(self, who: Principal, reason: Reason, *, after: str = "") -> list[Settled]:
        """Replays the letters of a reason as they are, oldest first and newer than the letter
        `after`; those that are refused again stay. At most `MOST_AT_ONCE`."""
        settled: list[Settled] = []
        with self._all(who, "dead_letter.replayed_all", reason, after) as chunks:
            for chunk in chunks:
                failpoints.hit("replay.before")
                settled += self._accept(who, [(letter, letter.event) for letter in chunk])
                failpoints.hit("replay.after")
        return settled

    def discard_all(self, who: Principal, reason: Reason) -> int:
        """How many letters were discarded, at most `MOST_AT_ONCE`."""
        with self._all(who, "dead_letter.discarded_all", reason, "") as chunks:
            return sum(self._drop(who, chunk) for chunk in chunks)

    @contextmanager
    def _all(
        self, who: Principal, action: str, reason: Reason, after: str
    ) -> Iterator[Iterator[list[Letter]]]:
        """The letters of a reason that there are now, a few at a time, within an audit event."""
        letters = self._reads(who)
        with required():
            many = letters.heap().reasons.get(reason, 0)
        about: dict[str, Scalar] = {**_audited(reason), "letters": many}
        target = f"{reason.source}:{reason.code}"
        with self._audit.recorded(who.tenant, who.subject, action, target, after=about):
            yield _chunks(letters, reason, after, min(many, MOST_AT_ONCE))

    def _accept(self, who: Principal, given: Sequence[tuple[Letter, object]]) -> list[Settled]:
        # Not the settings of two seconds ago: they may have been corrected for these letters.
        tenant = self._resources.tenants.get(who.tenant)
        tombstones = Tombstones(self._resources.writes, who.tenant)
        while True:
            with required():
                erased = tombstones.current()
            parsed = [self._parse(letter, raw, tenant, erased) for letter, raw in given]
            wanted = [one for one in parsed if isinstance(one, Settlement)]
            try:
                with required():
                    answers = DeadLetters(self._resources.writes, who.tenant).settle(
                        wanted, tombstones_version=erased.version
                    )
            except TombstonesChangedError:
                continue  # there are fewer erasures than tries
            return _settled(
                parsed, dict(zip((one.letter_id for one in wanted), answers, strict=True))
            )

    def _parse(
        self, letter: Letter, raw: object, tenant: Tenant, erased: Erased
    ) -> Settlement | Settled:
        try:
            event = parse_event(raw, tenant=tenant, now=self._resources.clock())
            _require_not_erased(event, erased)
        except EventRejectedError as error:
            return Settled(letter.id, letter.event_id, "refused", error)
        return Settlement(letter.id, event, heed_window=_heeds_window(letter, event))

    def _drop(self, who: Principal, letters: Sequence[Letter]) -> int:
        with required():
            answers = DeadLetters(self._resources.writes, who.tenant).settle(
                [Settlement(letter.id) for letter in letters]
            )
        return sum(answer == "discarded" for answer in answers)

    def _reads(self, who: Principal) -> DeadLetters:
        who.require(Permission.DEAD_LETTERS_MANAGE)
        return DeadLetters(self._resources.reads, who.tenant)


def _require_not_erased(event: Event, erased: Erased) -> None:
    if erased.covers(event.customer_id, event.occurred_at_us):
        raise EventRejectedError(_ERASED, code=ERASED_CODE, field="customer_id")


def _heeds_window(letter: Letter, event: Event) -> bool:
    """An entry of the stream was put on record as seen when it was accepted, and never counted:
    its own record says nothing of it. What cannot be read may have any id."""
    own = letter.reason.source == "stream" and letter.event_id in (None, event.event_id)
    return not own


def _settled(parsed: Sequence[Settlement | Settled], answers: Mapping[str, str]) -> list[Settled]:
    return [
        one
        if isinstance(one, Settled)
        else Settled(
            one.letter_id,
            one.event.event_id if one.event else None,
            _OUTCOMES.get(answers[one.letter_id], "replayed"),
        )
        for one in parsed
    ]


def _chunks(letters: DeadLetters, reason: Reason, after: str, most: int) -> Iterator[list[Letter]]:
    while most > 0:
        with required():
            chunk = letters.oldest(reason, after=after, limit=min(CHUNK, most))
        if not chunk:
            return
        yield chunk
        after, most = chunk[-1].id, most - len(chunk)


def _audited(reason: Reason) -> dict[str, Scalar]:
    """Not the field: an unknown one has the name that the sender gave it."""
    return {"source": reason.source, "code": reason.code}


def _json(text: str) -> object:
    if len(text) > MAX_EDITED_CHARACTERS:
        raise EventRejectedError(
            f"At most {MAX_EDITED_CHARACTERS} characters.", code="too_long", field=None
        )
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise EventRejectedError(
            f"Not JSON: {error.msg}, line {error.lineno}, column {error.colno}.", code="not_json"
        ) from error


def _gone() -> NotFoundError:
    return NotFoundError(
        "There is no such letter: it was replayed or discarded already.", field="letter"
    )
