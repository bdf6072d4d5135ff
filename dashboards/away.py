"""Pages without their database."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin

from devices.runtime.database import AWAY

logger = logging.getLogger("hubbub.pages")

RETRY_AFTER_S = 10


class AwayMiddleware(MiddlewareMixin):
    """A page that cannot reach the database says so, with 503: nothing of ours broke, and it comes back by itself."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, AWAY):
            return None
        logger.warning("%s %s: the database is away: %s", request.method, request.path, type(error).__name__)
        # Without the request: to ask who is signed in would ask the database.
        response = HttpResponse(render_to_string("503.html"), status=503)
        response["Retry-After"] = str(RETRY_AFTER_S)
        return response
