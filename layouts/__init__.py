"""One module a page: pure functions that return components, and hold no data."""

from layouts.ids import TICKS
from layouts.page import Page
from layouts.pages import PAGES, page_at
from layouts.shell import shell

__all__ = ["PAGES", "TICKS", "Page", "page_at", "shell"]
