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
# What changes without anybody's doing.
TICKS: Final = frozenset({f"{TICK}.n_intervals", f"{VERSION}.data", f"{NUDGE}.data"})

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

# system health
HEALTH_TABS: Final = "health-tabs"
EVENT_FLOW: Final = "event-flow"
EVENT_GROUPS: Final = "event-groups"
LETTER_REASONS: Final = "letter-reasons"
LETTERS_OPEN: Final = "letters-open"
LETTERS: Final = "letters"
LETTER: Final = "letter"

# administration
ADMIN_TABS: Final = "admin-tabs"
ADMIN_FIGURES: Final = "admin-figures"
ADMIN_ACTIVITY: Final = "admin-activity"
ADMIN_LIMITS: Final = "admin-limits"
ADMIN_USERS: Final = "admin-users"
ADMIN_INVITE: Final = "admin-invite"
ADMIN_KEYS: Final = "admin-keys"
ADMIN_NEW_KEY: Final = "admin-new-key"
ADMIN_SETTINGS: Final = "admin-settings"
ADMIN_AUDIT: Final = "admin-audit"

# platform
PLATFORM_TABS: Final = "platform-tabs"
PLATFORM_TENANTS: Final = "platform-tenants"
PLATFORM_NEW_TENANT: Final = "platform-new-tenant"
PLATFORM_COMPARISON: Final = "platform-comparison"
PLATFORM_AUDIT: Final = "platform-audit"

# tenant switcher
TENANT_SWITCH: Final = "tenant-switch"
TENANT_MENU: Final = "tenant-menu"
TENANTS: Final = "tenants-data"
TENANTS_ASKED: Final = "tenants-asked"
TENANT_CHOSEN: Final = "tenant-chosen"
TENANT_ENTERED: Final = "tenant-entered"

# account
PROFILE: Final = "profile"
PROFILE_FORM: Final = "profile-form"
PROFILE_NAME: Final = "profile-name"
PROFILE_USERNAME: Final = "profile-username"
CREDENTIAL: Final = "password-change"
CREDENTIAL_FORM: Final = "password-form"
CREDENTIAL_USERNAME: Final = "password-username"
CREDENTIAL_OLD: Final = "password-old"
CREDENTIAL_NEW: Final = "password-new"
CREDENTIAL_AGAIN: Final = "password-again"
CREDENTIAL_CHANGED: Final = "password-changed"
SESSIONS: Final = "sessions"
SESSION_ENDING: Final = "session-ending"
SESSIONS_ENDED: Final = "sessions-ended"
SESSIONS_OTHERS: Final = "sessions-others"
SESSIONS_END_OTHERS: Final = "sessions-end-others"
PREFERENCES: Final = "preferences"
PREFERRED_THEME: Final = "preferred-theme"
PREFERRED_REFRESH: Final = "preferred-refresh"


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


def opened(panel: str) -> str:
    """The store that asks a panel to read: its tab was opened, or what it shows has changed."""
    return f"{panel}-opened"


def act(area: str) -> str:
    """The store into which the browser writes what a person asked for in an area."""
    return f"{area}-act"


def answer(area: str) -> str:
    """The store of what came of it."""
    return f"{area}-answer"


def secret(area: str) -> str:
    """Where something stands that is shown once."""
    return f"{area}-secret"


def form(panel: str) -> str:
    return f"{panel}-form"


def form_data(panel: str) -> str:
    """The store of the values that a form begins with."""
    return f"{panel}-form-data"


def field(panel: str, name: str) -> str:
    """The control of one value of a panel's form."""
    return f"{form(panel)}-{name.replace(':', '-').replace('.', '-').replace('_', '-')}"


def tab(page: str, name: str) -> str:
    return f"{page}-tab-{name}"


def tab_panel(page: str, name: str) -> str:
    return f"{page}-tab-{name}-panel"


def log_query(panel: str) -> str:
    """The store of an audit log's filter: which text, how many pages of entries."""
    return f"{panel}-query"


def log_filter(panel: str) -> str:
    return f"{panel}-filter"


def log_older(panel: str) -> str:
    return f"{panel}-older"


def verify(panel: str) -> str:
    return f"{panel}-verify"


def verified(panel: str) -> str:
    return f"{panel}-verified"


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


def said(control: str) -> str:
    """Where the answer about one control stands."""
    return f"{control}-said"


def segment(name: str) -> str:
    return "segment-" + "-".join(part for part in _slug(name).split("-") if part)


def _slug(name: str) -> str:
    return "".join(ch if ch.isalnum() else "-" for ch in name.casefold().replace("'", ""))
