"""The ASGI application: HTTP to Django, WebSocket to the live connection."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")

from django.core.asgi import get_asgi_application

# First: everything below needs Django's app registry.
django: Any = get_asgi_application()

from importlib import import_module  # noqa: E402

from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from bridges.rest.body_limit import BodyLimit, allowed  # noqa: E402
from dashboards.live import daphne  # noqa: E402
from devices.runtime.gc_tuning import collect_seldom  # noqa: E402
from hub.log_secrets import hide_in_access_logs  # noqa: E402
from hub.request_bodies import bound_in_daphne  # noqa: E402
from hub.responses import StallLimit, mend_daphne  # noqa: E402
from hub.routing import http, websockets  # noqa: E402

daphne.mend()
bound_in_daphne()
mend_daphne()
hide_in_access_logs()
pages = BodyLimit(StallLimit(django), allowed)

application = ProtocolTypeRouter({"http": http(pages), "websocket": websockets})

import_module(settings.ROOT_URLCONF)  # now, and not while the first request waits
collect_seldom()
