"""The HTML document around the app: what must stand before the first paint."""

from __future__ import annotations

STYLESHEETS = ("css/bootstrap.min.css", "css/font/bootstrap-icons.min.css")


def index_page(theme_script_url: str, icon_url: str) -> str:
    """Dash's index template. The theme script runs first, so that no page flashes in white."""
    return f"""<!DOCTYPE html>
<html lang="en" data-bs-theme="light">
  <head>
    {{%metas%}}
    <meta name="color-scheme" content="light dark">
    <script src="{theme_script_url}"></script>
    <title>{{%title%}}</title>
    <link rel="icon" type="image/svg+xml" href="{icon_url}">
    {{%css%}}
  </head>
  <body>
    {{%app_entry%}}
    <noscript>This dashboard needs JavaScript.</noscript>
    {{%config%}}
    {{%scripts%}}
    {{%renderer%}}
  </body>
</html>"""
