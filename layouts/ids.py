"""Every component id, as a constant or a builder. Tests and bookmarks lean on them."""

from __future__ import annotations

from typing import Final

# shell
URL: Final = "url"
CONTENT: Final = "page-content"
TICK: Final = "tick"
REFRESH: Final = "refresh-now"
REFRESH_EVERY: Final = "refresh-every"
REFRESH_LABEL: Final = "refresh-every-label"
VERSION: Final = "data-version"
PULSE: Final = "pulse"
NUDGE: Final = "nudge"
THEME: Final = "theme"
BADGE: Final = "live-badge"
TENANT: Final = "tenant-name"
BANNER: Final = "banner"
ACCOUNT: Final = "account-who"
FRESHNESS: Final = "freshness"

# panels
KPIS: Final = "kpis"
EVENTS: Final = "events-by-type"
CHANNELS: Final = "channel-mix"
REVENUE: Final = "revenue"
FEED: Final = "newest-events"
RFM_KPIS: Final = "segment-kpis"
RFM_CARDS: Final = "segment-cards"
RFM_GRID: Final = "rfm-grid"
RFM_TABLE: Final = "all-segments"

# home
HOME_FILTERS: Final = "home-filters"
PERIOD: Final = "filter-period"
PERIOD_START: Final = "filter-period-start"
PERIOD_END: Final = "filter-period-end"
AGAINST: Final = "filter-against"
CHANNEL: Final = "filter-channel"
SPLIT: Final = "events-split"
FEED_PAUSED: Final = "feed-paused"
FEED_PAUSE: Final = "feed-pause"
FEED_FILTER: Final = "feed-filter"
HOME_NOTICES: Final = "home-notices"
EXPORT_KPIS: Final = "export-kpis"

# segments
SEGMENT_FILTERS: Final = "segment-filters"
METHOD: Final = "filter-method"
AS_OF: Final = "filter-as-of"
SEGMENT_NOTICES: Final = "segment-notices"


def graph(panel: str) -> str:
    return f"{panel}-graph"


def figure(panel: str) -> str:
    """The store that holds the figure as the server wrote it, with colour tokens in it."""
    return f"{panel}-figure"


def content(panel: str) -> str:
    return f"{panel}-content"


def state(panel: str) -> str:
    """What stands instead of the content: skeleton, empty, refused or failed."""
    return f"{panel}-state"


def figures_data(panel: str) -> str:
    """The store of a KPI strip's figures, which the browser writes into its cells."""
    return f"{panel}-data"


def drawn(panel: str) -> str:
    """The store that says whether the panel shows figures, which an outage then leaves alone."""
    return f"{panel}-drawn"


def subtitle(panel: str) -> str:
    return f"{panel}-subtitle"


def footer(panel: str) -> str:
    return f"{panel}-footer"


def legend(panel: str) -> str:
    return f"{panel}-legend"


def table(panel: str) -> str:
    """Where the panel's table stands: its content, or the twin of its chart."""
    return f"{panel}-table"


def table_data(panel: str) -> str:
    return f"{panel}-table-data"


def csv(panel: str) -> str:
    return f"{panel}-csv"


def download(panel: str) -> str:
    return f"{panel}-download"


def chip(control: str) -> str:
    return f"{control}-chip"


def chip_value(control: str) -> str:
    return f"{control}-value"


def kpi(metric: str) -> str:
    """The cell of one key figure; `kpi_value` is the text of its value."""
    return f"kpi-{metric}"


def kpi_figure(metric: str) -> str:
    """Where the browser writes value, picture and change of one key figure."""
    return f"kpi-{metric}-figure"


def kpi_value(metric: str) -> str:
    return f"kpi-{metric}-value"


def segment(name: str) -> str:
    return "segment-" + "-".join(part for part in _slug(name).split("-") if part)


def _slug(name: str) -> str:
    return "".join(ch if ch.isalnum() else "-" for ch in name.casefold().replace("'", ""))
