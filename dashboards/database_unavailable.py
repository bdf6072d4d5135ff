"""Pages while the database is unavailable."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin

from devices.runtime.database import UNAVAILABLE_ERRORS

logger = logging.getLogger("hubbub.pages")

RETRY_AFTER_S = 10


class DatabaseUnavailableMiddleware(MiddlewareMixin):
    """Answers 503 with a page of its own: the hub is not broken, and recovers by itself."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, UNAVAILABLE_ERRORS):
            return None
        logger.warning("%s %s: the database is unavailable: %s", request.method, request.path, type(error).__name__)
        # Without the request: finding out who is signed in would need the database.
        response = HttpResponse(render_to_string("503.html"), status=503)
        response["Retry-After"] = str(RETRY_AFTER_S)
        return response
