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

from devices.runtime.gc_tuning import collect_seldom  # noqa: E402
from hub import daphne, descriptors, direct_middleware, log_limits, uvicorn  # noqa: E402
from hub.middleware.body_limit import BodyLimit, allowed  # noqa: E402
from hub.middleware.only_process import ClaimOnce  # noqa: E402
from hub.middleware.own_hosts import OwnHosts  # noqa: E402
from hub.middleware.proxies import TrustedProxies  # noqa: E402
from hub.middleware.stall_limit import StallLimit  # noqa: E402
from hub.routing import http, websockets  # noqa: E402

descriptors.raise_limit()
log_limits.limit_servers()
daphne.patch()
uvicorn.patch()
direct_middleware.patch()
pages = OwnHosts(BodyLimit(StallLimit(django), allowed))

router: Any = ProtocolTypeRouter({"http": http(pages), "websocket": websockets})
application: Any = TrustedProxies(ClaimOnce(router), settings.TRUSTED_PROXIES)

import_module(settings.ROOT_URLCONF)  # now, and not while the first request waits
collect_seldom()
