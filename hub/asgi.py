"""The ASGI application: HTTP to Django, WebSocket to the live connection."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")

from django.core.asgi import get_asgi_application

# First: everything below needs Django's app registry.
http = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402

from dashboards.live import daphne  # noqa: E402
from hub.routing import websockets  # noqa: E402

daphne.mend()

application = ProtocolTypeRouter({"http": http, "websocket": websockets})
