"""Authentication: of people by login cookie or API token, of devices by their credentials."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from ninja.errors import AuthenticationError
from ninja.security import APIKeyCookie, HttpBasicAuth, HttpBearer
from ninja.utils import check_csrf

from bridges.rest.guesses import look_up
from devices.errors import Forbidden
from devices.models import Device
from devices.registry import accounts, logins
from devices.runtime import database
from devices.runtime.addresses import network_of
from devices.runtime.login_checks import checks
from devices.runtime.request_rates import rates
from devices.spaces import tokens


def address_of(request: HttpRequest) -> str:
    address: str = request.META.get("REMOTE_ADDR", "")
    return address


class BearerToken(HttpBearer):
    """`Authorization: Bearer TOKEN`, with a token from `manage.py createtoken`."""

    async def authenticate(self, request: HttpRequest, token: str) -> AbstractBaseUser:
        person = await checks.run(address_of(request), tokens.owner, token)
        if person is None:
            raise AuthenticationError  # without trying the cookie: a client that sends a token means the token
        rates.admit(int(person.pk), "api")
        return person


class LoginCookie(APIKeyCookie):
    """The login of a browser. Methods that change something also need the CSRF token in `X-CSRFToken`."""

    param_name = settings.SESSION_COOKIE_NAME

    async def __call__(self, request: HttpRequest) -> AbstractBaseUser | None:
        if self.param_name not in request.COOKIES:
            return None
        async with checks.place(address_of(request)):
            person = await database.run(self._signed_in, request)
        if person is not None:
            rates.admit(int(person.pk), "api")
        return person

    def authenticate(self, request: HttpRequest, key: str | None) -> AbstractBaseUser | None:
        return request.user if request.user.is_authenticated else None

    def _signed_in(self, request: HttpRequest) -> AbstractBaseUser | None:
        person = self.authenticate(request, None)
        if person is not None and check_csrf(request) is not None:
            raise Forbidden("the CSRF token is missing or wrong: send the value of the cookie csrftoken as X-CSRFToken")
        return person


class DeviceCredentials(HttpBasicAuth):
    """HTTP Basic with the device's uid and secret, the same as for MQTT."""

    async def authenticate(self, request: HttpRequest, username: str, password: str) -> Device:
        network, find = network_of(address_of(request)), partial(accounts.authenticate, username, password)
        device = await look_up(logins.throttle, network, username, find)
        if device is None:
            raise AuthenticationError
        return device


PEOPLE = [BearerToken(), LoginCookie()]


def person_of(request: HttpRequest) -> AbstractBaseUser:
    """The person that one of `PEOPLE` has authenticated."""
    person: AbstractBaseUser = request.auth  # type: ignore[attr-defined]  # set by ninja
    return person


def device_of(request: HttpRequest) -> Device:
    """The device that `DeviceCredentials` has authenticated."""
    device: Device = request.auth  # type: ignore[attr-defined]  # set by ninja
    return device
