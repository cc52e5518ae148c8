"""The chain of an audit log: how an entry is bound to all before it, and how that is checked.

An entry's hash is an HMAC over its log, its number, its body and the hash before. The head, kept
beside the log, repeats the last number and hash under a seal. The seal of an earlier head stands
nowhere in the log: whoever cuts entries off cannot put the head back with what is left.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from cip.domain.audit import Verification

PURPOSE: Final = "audit"
# Stands for the hash before, where an entry was built on a head whose seal did not hold.
UNSEALED: Final = "unsealed"


class Keys(Protocol):
    """Signing keys by id, derived for a purpose."""

    def signing(self, purpose: str) -> tuple[str, bytes]: ...

    def verifying(self, purpose: str) -> Mapping[str, bytes]: ...


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry's number and hash. An empty log has number 0 and no hash."""

    number: int = 0
    hash: str = ""
    key_id: str = ""
    seal: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as it is stored: `body` is signed byte for byte."""

    id: str
    number: int
    key_id: str
    hash: str
    body: str


def extended(head: Head, log: str, body: str, keys: Keys) -> Head:
    """The head after an entry with this body was put behind `head`.

    A head that was tampered with still carries on, since the platform would stop otherwise; the
    new entry then keeps the break visible for good.
    """
    key_id, key = keys.signing(PURPOSE)
    previous = head.hash if sealed(head, log, keys) else UNSEALED
    number = head.number + 1
    digest = entry_hash(key, log, key_id, number, previous, body)
    return Head(number, digest, key_id, _seal(key, log, key_id, number, digest))


def outdated(head: Head, log: str, keys: Keys) -> bool:
    """Whether the head holds, but by another key than the one that signs today."""
    current = keys.signing(PURPOSE)[0]
    return head != Head() and head.key_id != current and sealed(head, log, keys)


def sealed(head: Head, log: str, keys: Keys) -> bool:
    """Whether the platform itself wrote this head. The head of an empty log needs no seal."""
    if head == Head():
        return True
    key = keys.verifying(PURPOSE).get(head.key_id)
    if key is None:
        return False
    return _same(head.seal, _seal(key, log, head.key_id, head.number, head.hash))


def entry_hash(key: bytes, log: str, key_id: str, number: int, previous: str, body: str) -> str:
    return _mac(key, "entry", log, key_id, str(number), previous, body)


def _seal(key: bytes, log: str, key_id: str, number: int, digest: str) -> str:
    return _mac(key, "head", log, key_id, str(number), digest)


def _mac(key: bytes, *parts: str) -> str:
    # No part holds a line end: the body is JSON on one line, and only the body is free text.
    message = "\n".join(parts).encode(errors="surrogateescape")
    return hmac.new(key, message, "sha256").hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="surrogateescape"), other.encode())


class ChainCheck:
    """Takes a log's entries in order, then its head; says where the first break is.

    An entry of a key that is not known any more is passed over, so that the rest is checked all
    the same: it is the problem only where there is no worse one.
    """

    def __init__(self, log: str, keys: Keys) -> None:
        self._log = log
        self._keys = keys
        self._known = keys.verifying(PURPOSE)
        self._number = 0
        self._hash = ""
        self._unknown: Verification | None = None

    def take(self, link: Link) -> Verification | None:
        """The problem, where the entry does not follow."""
        problem = self._gap(link) or self._forged(link)
        if problem is not None:
            return self._broken(problem, link.id)
        self._number, self._hash = link.number, link.hash
        return None

    def finish(self, head: Head) -> Verification:
        """What all entries and the head come to."""
        problem = self._of_head(head)
        if problem is not None:
            return self._broken(problem, "head")
        return self._unknown or Verification(self._number, self._hash)

    def unreadable(self, at: str) -> Verification:
        return self._broken("it is not in the form of the audit log", at)

    def _gap(self, link: Link) -> str | None:
        expected = self._number + 1
        if link.number > expected:
            where = "at the beginning" if expected == 1 else "before it"
            return f"{_entries(expected, link.number - 1)} missing {where}"
        if link.number < expected:
            return f"it has the number {link.number} where {expected} comes next"
        return None

    def _forged(self, link: Link) -> str | None:
        key = self._known.get(link.key_id)
        if key is None:
            self._note_unknown(link.key_id, link.id)
            return None

        def built_on(previous: str) -> bool:
            wanted = entry_hash(key, self._log, link.key_id, link.number, previous, link.body)
            return _same(link.hash, wanted)

        if built_on(self._hash):
            return None
        if built_on(UNSEALED):
            return "the head had been changed (or its key was not known) when it was written"
        return "it was changed, or written without the key"

    def _of_head(self, head: Head) -> str | None:
        if head.number > self._number:
            return f"{_entries(self._number + 1, head.number)} missing at the end"
        if (head.number, head.hash) != (self._number, self._hash):
            return f"it was changed: it says number {head.number}, the log ends at {self._number}"
        if head.key_id and head.key_id not in self._known:
            self._note_unknown(head.key_id, "head")
        elif not sealed(head, self._log, self._keys):
            return "it was changed: its seal does not hold"
        return None

    def _note_unknown(self, key_id: str, at: str) -> None:
        if self._unknown is None:
            problem = f"signed with the key {key_id!r}, which is not known"
            self._unknown = self._broken(problem, at)

    def _broken(self, problem: str, at: str) -> Verification:
        return Verification(self._number, self._hash, problem, at)


def _entries(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
