"""`{% navigation %}`: the side bar of every page, for the person who is signed in."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from dashboards.models import Dashboard
from devices import access
from devices.access import Action

register = template.Library()


@register.inclusion_tag("dashboards/parts/navigation.html", takes_context=True)
def navigation(context: Context) -> dict[str, Any]:
    """Links to the pages the person may open; the one to add devices only if they manage a space."""
    request = context["request"]
    spaces = list(access.spaces(request.user))
    return {
        "request": request,
        "user": request.user,
        "here": request.resolver_match.view_name if request.resolver_match else "",
        "shown_dashboard": context.get("dashboard"),
        "dashboards": Dashboard.objects.filter(space__in=spaces).select_related("space"),
        "many_spaces": len(spaces) > 1,
        "may_add": access.spaces(request.user, Action.MANAGE).exists(),
    }
