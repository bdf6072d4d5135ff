"""Pages while the database is unavailable."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin

from devices.runtime.database import AWAY

logger = logging.getLogger("hubbub.pages")

RETRY_AFTER_S = 10


class DatabaseOutageMiddleware(MiddlewareMixin):
    """Answers a page that cannot reach the database with 503 and a reason; it works again once the database is back."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, AWAY):
            return None
        logger.warning("%s %s: the database is unavailable: %s", request.method, request.path, type(error).__name__)
        # Rendered without the request: to find out who is signed in would need the database.
        response = HttpResponse(render_to_string("503.html"), status=503)
        response["Retry-After"] = str(RETRY_AFTER_S)
        return response
