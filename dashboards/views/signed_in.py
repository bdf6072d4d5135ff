"""Pages for people who have signed in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from dashboards.views.error_pages import sentence
from devices.errors import TooMany
from devices.runtime.request_rates import rates

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]

RETRY_AFTER_S = 1


def signed_in(view: View[P]) -> View[P]:
    """Sends strangers to sign in, and counts what a person asks for against their rate."""

    @wraps(view)
    def counted(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            rates.admit(int(request.user.pk or 0), "page")
        except TooMany as error:
            return _refused(error)
        return view(request, *args, **kwargs)

    protected: View[P] = login_required(counted)
    return protected


def _refused(error: TooMany) -> HttpResponse:
    # Without the request: what it brings into a page, such as unread messages, would need the database.
    answer = HttpResponse(render_to_string("429.html", {"reason": sentence(error)}), status=429)
    answer["Retry-After"] = str(RETRY_AFTER_S)
    return answer
