from __future__ import annotations

from typing import cast

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from dashboards.views.device import show_secret
from dashboards.views.signed_in import signed_in
from dashboards.views.sources import found_at
from devices import access
from devices.access import Action
from devices.errors import Invalid
from devices.models import Space
from devices.registry import brokers
from devices.rooms import provisioning


class AddDevice(forms.Form):
    """A new device; offers the spaces that the person manages, and all brokers."""

    name = forms.CharField(max_length=120, required=False)
    uid = forms.CharField(max_length=64)
    space = forms.ModelChoiceField(Space.objects.none(), empty_label=None)
    broker = forms.ChoiceField(choices=lambda: [(name, name) for name in brokers.names()], required=False)

    def __init__(self, *args: object, person: access.Person) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        field = cast(forms.ModelChoiceField, self.fields["space"])
        field.queryset = access.spaces(person, Action.MANAGE)


@signed_in
@never_cache
@sensitive_variables("secret")
def add_device(request: HttpRequest) -> HttpResponse:
    """The form, for managers. On success the page shows the secret once and waits for the first message."""
    if not access.spaces(request.user, Action.MANAGE).exists():
        raise PermissionDenied("this needs the role manager in a space")
    form = AddDevice(request.POST or None, person=request.user)
    if form.is_valid():
        try:
            made, secret = provisioning.create_device(**form.cleaned_data)
        except Invalid as error:
            form.add_error("uid" if "uid" in error.message else "name", error.message)
        else:
            return show_secret(request, made, secret, rotated=False)
    # 422: a program that only looks at the status must not take a refused form for a success.
    context = {"form": form, "found_at": found_at(request.user)}
    return render(request, "dashboards/add_device.html", context, status=422 if form.is_bound else 200)
