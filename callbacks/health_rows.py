"""Dead letters as rows, as one letter and as lines of a file; consumer groups as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from cip.domain.dead_letters import Letter, Reason
from cip.domain.event_flow import EventFlow, GroupFlow
from cip.figures import format as fmt
from cip.services.dead_letters import Overview, ReasonRow, Settled
from layouts.rows import Row, RowCell, RowTable, item, menu, question, row, row_table, text

_CODES: Final = MappingProxyType(
    {
        "currency": "Another currency",
        "erased": "Customer was erased",
        "future": "Dated too far ahead",
        "invalid": "Invalid value",
        "missing": "Missing value",
        "not_json": "Not JSON",
        "older_than_retention": "Older than events are kept",
        "too_large": "Too large",
        "too_long": "Too long",
        "type": "Wrong type",
        "unknown_field": "Unknown field",
        "unreadable": "Unreadable",
    }
)
_SOURCES: Final = MappingProxyType(
    {"stream": ("Accepted, unreadable", "bad"), "api": ("Rejected by the API", "warn")}
)
# What an entry of the stream calls a field that its sender knows by another name.
_SENT_AS: Final = MappingProxyType({"e": "", "occurred_at_us": "occurred_at", "received_at_us": ""})
_GROUPS: Final = MappingProxyType(
    {
        "live": ("Live counters", "The figures of the last two days"),
        "history": ("History", "Everything older, and the insights"),
    }
)
COLUMNS: Final = (
    "letter", "written_at", "source", "code", "field", "message", "stream_id", "event_id", "type",
)  # fmt: skip


def reason_words(reason: Reason) -> str:
    words = _CODES.get(reason.code) or reason.code.replace("_", " ").capitalize()
    field = _sent_as(reason)
    return f"{words}: {field}" if field else words


def _sent_as(reason: Reason) -> str:
    return _SENT_AS.get(reason.field, reason.field) if reason.source == "stream" else reason.field


def letters_words(many: int) -> str:
    return "1 letter" if many == 1 else f"{fmt.exact(many)} letters"


def reasons_table(overview: Overview) -> RowTable:
    head = [
        ("Reason", "who open"),
        ("Where", ""),
        ("Letters", "r"),
        ("Newest", "num lo"),
        ("Actions", "acts"),
    ]
    rows = [_reason_row(one) for one in overview.rows]
    return row_table(head, rows, caption="Dead letters by reason", look="stack reasons")


def _reason_row(one: ReasonRow) -> Row:
    words, look = _SOURCES[one.reason.source]
    newest = (
        text("", age=f"{one.newest_at.timestamp():.0f}", label="Newest") if one.newest_at else ""
    )
    opener = item(reason_words(one.reason), "", "open")
    return row(
        one.reason.key,
        [
            {"button": opener, "sub": one.message},
            text(words, tag=look),
            text(fmt.exact(one.letters), label="Letters"),
            newest,
            menu(f"Actions for {reason_words(one.reason)}", _reason_acts(one)),
        ],
    )


def _reason_acts(one: ReasonRow) -> list[dict[str, Any]]:
    many, words = letters_words(one.letters), reason_words(one.reason)
    replay = question(
        f"Replay {many}?",
        f"All of “{words}”, as they are. Those that are refused again stay here.",
        "Replay all",
    )
    discard = question(
        f"Discard {many}?",
        f"All of “{words}”. Their events will never be counted. This cannot be undone.",
        "Discard all",
    )
    return [
        item("Replay all of this reason", "arrow-repeat", "replay_all",
             confirm={**replay, "danger": False}),
        item("Discard all", "trash3", "discard_all", danger=True, confirm=discard),
    ]  # fmt: skip


def letters_table(letters: Sequence[Letter], zone: ZoneInfo) -> RowTable:
    head = [("Written", "open num"), ("Event", "clip"), ("Message", "why")]
    rows = [
        row(
            letter.id,
            [
                {
                    "button": item(written(letter, zone), "", "open"),
                    "title": fmt.day_and_time(letter.at, zone),
                },
                text(
                    letter.type or "Not readable", sub=letter.event_id or "", title=_event(letter)
                ),
                text(letter.message, title=letter.message),
            ],
        )
        for letter in letters
    ]
    return row_table(head, rows, caption="Letters, newest first", look="stack letters")


def written(letter: Letter, zone: ZoneInfo) -> str:
    local = letter.at.astimezone(zone)
    return f"{local.day} {local:%b}, {local:%H:%M:%S}"


def _event(letter: Letter) -> str:
    return " ".join(part for part in (letter.type, letter.event_id) if part)


def replayed_words(settled: Sequence[Settled]) -> tuple[str, str]:
    """What became of letters: the notice, and its second line."""
    many = Counter(one.outcome for one in settled)
    done = many["replayed"]
    title = "1 event replayed" if done == 1 else f"{fmt.exact(done)} events replayed"
    lines = ["It is counted in a moment." if done == 1 else "They are counted in a moment."]
    if not done:
        title, lines = "Nothing was replayed", []
    if many["duplicate"]:
        lines.append(f"{letters_words(many['duplicate'])}: a duplicate, already counted.")
        title = title if done else "Already counted"
    if many["gone"]:
        lines.append(f"{letters_words(many['gone'])}: settled by somebody else meanwhile.")
    if refused := [one.problem for one in settled if one.problem is not None]:
        where = f"{refused[0].field}: " if refused[0].field else ""
        stays = "stays" if len(refused) == 1 else "stay"
        lines.append(f"{letters_words(len(refused))} {stays}. {where}{refused[0].message}")
    return title, " ".join(lines)


def letter_data(letter: Letter, zone: ZoneInfo, area: str) -> dict[str, Any]:
    """What the browser builds a letter from (assets/letters.js). `whole`: it can go as it is."""
    reason, field = letter.reason, _sent_as(letter.reason)
    origin = f"Event stream, entry {letter.stream_id}" if letter.stream_id else "API request"
    facts = [
        ["Field", field or "None in particular", "mono" if field else ""],
        ["Code", reason.code, "mono"],
        ["From", origin, ""],
        ["Written", f"{written(letter, zone)} ({fmt.place(zone.key)})", ""],
        ["Event", letter.event_id or "No id readable", "mono" if letter.event_id else ""],
    ]
    return {
        "id": letter.id,
        "area": area,
        "message": letter.message,
        "facts": facts,
        "text": letter.editable,
        "fault": field,
        "whole": letter.event is not None and not letter.truncated,
        "note": _note(letter),
        "confirm": question(
            "Discard this letter?",
            "Its event will never be counted. This cannot be undone.",
            "Discard",
        ),
    }


def _note(letter: Letter) -> str:
    if letter.truncated:
        return "It was longer than 64 KB: this is its beginning. Complete it to replay it."
    if letter.event is None:
        return "This is not the JSON of an event. Write the event in its place to replay it."
    return ""


def file_row(letter: Letter) -> list[str]:
    """In the order of `COLUMNS`; the instant in UTC. Not the payload."""
    reason = letter.reason
    return [
        letter.id, letter.at.isoformat(), reason.source, reason.code, reason.field, letter.message,
        letter.stream_id, letter.event_id or "", letter.type or "",
    ]  # fmt: skip


def groups_table(flow: EventFlow, zone: ZoneInfo, now: float) -> RowTable:
    head = [
        ("Consumer", "who"),
        ("State", "standing"),
        ("Waiting", "r"),
        ("Oldest waiting", "num lo"),
        ("Read up to", "num lo"),
    ]
    rows = [_group_row(group, zone, now) for group in flow.groups]
    return row_table(head, rows, caption="Consumer groups", look="stack groups")


def _group_row(group: GroupFlow, zone: ZoneInfo, now: float) -> Row:
    waiting = "Not known" if group.lag is None else fmt.exact(group.lag)
    oldest = group.oldest_waiting_seconds
    since: RowCell = text("None", label="Oldest waiting")
    if oldest is not None:
        since = text("", age=f"{now - oldest:.0f}", label="Oldest waiting")
    place = group.position
    upto: RowCell = text("Nothing yet", label="Read up to")
    if place is not None:
        exact = fmt.day_and_time(place, zone)
        upto = text("", age=f"{place.timestamp():.0f}", title=exact, label="Read up to")
    name, what = _GROUPS.get(group.group, (group.group, ""))
    return row(
        group.group,
        [text(name, sub=what), _state(group), text(waiting, label="Waiting"), since, upto],
    )


def _state(group: GroupFlow) -> RowCell:
    if group.alarm is None:
        return text("Runs", tag="good")
    tries = "1 try" if group.alarm.tries == 1 else f"{fmt.exact(group.alarm.tries)} tries"
    return text("Stands still", tag="bad", sub=f"{group.alarm.message} ({tries})")
