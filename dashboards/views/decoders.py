"""Pages of decoders: those of a space, and one with its script, its test vectors and its devices."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from dashboards.views.error_pages import errors_as_pages, sentence
from dashboards.views.signed_in import signed_in
from devices import access
from devices.access import Action
from devices.errors import HubbubError
from devices.models import Decoder, Space
from devices.refusals import store
from devices.registry import decoders

TEMPLATE = """// Paste the vendor's script here.
function decodeUplink(input) {
  return {
    data: { first: input.bytes[0] },
  };
}
"""


@signed_in
def space_decoders(request: HttpRequest, slug: str) -> HttpResponse:
    """The decoders of the space, with a form for managers."""
    with errors_as_pages():
        space = access.space(request.user, slug)
    return _list(request, space)


@signed_in
@require_POST
def create_decoder(request: HttpRequest, slug: str) -> HttpResponse:
    """A decoder with a script to begin with. The page of the new one has the rest."""
    with errors_as_pages():
        space = access.space(request.user, slug, Action.MANAGE)
    name = request.POST.get("name", "")
    try:
        made = decoders.create(space, name, TEMPLATE)
    except HubbubError as error:
        return _list(request, space, name=name, error=sentence(error))
    return redirect("decoder", made.pk)


@signed_in
def decoder(request: HttpRequest, id: int) -> HttpResponse:
    """One decoder; a manager changes and tries it."""
    with errors_as_pages():
        found = access.decoder(request.user, id)
    may_manage = access.may(request.user, Action.MANAGE, found.space_id)
    devices = list(found.devices.all())
    context = {
        "decoder": found,
        "may_manage": may_manage,
        "devices": list(zip(devices, store.newest_of_decoders(devices), strict=True)),
        # A browser ignores a line break at the very beginning of a text area.
        "script": f"\n{found.script}",
        "examples": f"\n{json.dumps(found.examples, indent=2, ensure_ascii=False)}" if found.examples else "",
        "page": {"id": found.pk, "may_manage": may_manage},
    }
    return render(request, "dashboards/decoder.html", context)


@signed_in
@require_POST
def delete_decoder(request: HttpRequest, id: int) -> HttpResponse:
    with errors_as_pages():
        found = access.decoder(request.user, id, Action.MANAGE)
    slug = found.space.slug
    decoders.delete(found)
    return redirect("space_decoders", slug)


def choices(space: Space) -> list[Decoder]:
    """The decoders that a device of the space may have."""
    return list(space.decoders.only("pk", "name"))


def _list(request: HttpRequest, space: Space, **refused: Any) -> HttpResponse:
    context = {
        "space": space,
        "decoders": decoders.of_space(space),
        "may_manage": access.may(request.user, Action.MANAGE, space.pk),
        **refused,
    }
    return render(request, "dashboards/space_decoders.html", context, status=422 if refused else 200)
