"""The HTTP API, version 1, put together. Each route names the permission it needs where it is
registered."""

from __future__ import annotations

from cip.services import Services
from cip.web import api_auth, api_customers, api_documents, api_events, api_insights, api_limits
from cip.web.api_routes import Routes


class Api(Routes):
    """`requests_per_minute` is what a caller has for events, and again for all else."""

    def __init__(self, services: Services, *, requests_per_minute: int) -> None:
        super().__init__()
        for part in (api_auth, api_events, api_insights, api_customers):
            part.register(self, services)
        api_documents.register(self)
        api_limits.install(self.blueprint, services, requests_per_minute)
