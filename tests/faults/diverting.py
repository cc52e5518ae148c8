"""Leads a platform's processes to their embedded server through a proxy."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.faults.proxy import Proxy

_PORT: Final = re.compile(r"(?<=@127\.0\.0\.1:)(\d+)(?=/)")
_LOOK_SECONDS: Final = 0.02


class Diversion:
    """Puts the proxy's port into the file that says where the server is, as soon as `cip up` has
    written it. A process that is quicker goes straight to the server, which does no harm."""

    def __init__(self, home: Path, proxy: Proxy) -> None:
        self._path = home / "valkey" / "url"
        self._proxy = proxy

    @contextmanager
    def held(self) -> Iterator[None]:
        done = threading.Event()

        def watch() -> None:
            while not done.wait(_LOOK_SECONDS):
                with suppress(FileNotFoundError):
                    self._divert()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def straight(self, url: str) -> str:
        """The URL of the server itself."""
        return _PORT.sub(lambda port: self._leads_to(port[0]), url)

    def _leads_to(self, port: str) -> str:
        return str(self._proxy.target) if int(port) == self._proxy.port else port

    def _divert(self) -> None:
        text = self._path.read_text(encoding="utf-8")
        found = _PORT.search(text)
        if found is None or int(found[0]) == self._proxy.port:
            return
        self._proxy.target = int(found[0])
        draft = self._path.with_name("url.diverted")
        draft.write_text(_PORT.sub(str(self._proxy.port), text), encoding="utf-8")
        draft.replace(self._path)
