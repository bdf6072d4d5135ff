"""The page on which people sign in."""

from __future__ import annotations

import math
from typing import Any, cast

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboards.views.error_pages import sentence
from devices.spaces import passwords
from devices.spaces.passwords import TooManyAttempts


class SignInForm(AuthenticationForm):
    """Django's form, with the hub's own rules for those who guess."""

    def clean(self) -> dict[str, Any]:
        """Raises `TooManyAttempts`."""
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if username and password:
            address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
            self.user_cache = cast(User | None, passwords.sign_in(username, password, address))
            if self.user_cache is None:
                raise self.get_invalid_login_error()
        return self.cleaned_data


class SignIn(LoginView):
    template_name = "dashboards/sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except TooManyAttempts as error:
            return _refused(request, error)


def _refused(request: HttpRequest, error: TooManyAttempts) -> HttpResponse:
    wait_s = error.wait_s
    context = {"reason": sentence(error), "wait_s": wait_s, "minutes": math.ceil(wait_s / 60)}
    answer = render(request, "dashboards/locked_out.html", context, status=429)
    answer["Retry-After"] = str(wait_s)
    return answer
