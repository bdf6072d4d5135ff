from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, path

from dashboards.views.add_device import add_device
from dashboards.views.dashboard import dashboard
from dashboards.views.decoders import create_decoder, decoder, delete_decoder, space_decoders
from dashboards.views.device import device, rotate_secret
from dashboards.views.fleet import fleet, fleet_status
from dashboards.views.inbox import conversation, inbox
from dashboards.views.new_mapping import new_mapping
from dashboards.views.notification_worker import notification_worker
from dashboards.views.places import places
from dashboards.views.retention import device_retention, metric_retention, space_retention
from dashboards.views.rooms import create_room, create_webhook, delete_webhook, room, room_settings, rooms
from dashboards.views.sign_in import SignIn
from dashboards.views.sources import source, sources, space_sources
from dashboards.views.transfers import export_history, import_history

urlpatterns: list[URLPattern | URLResolver] = [
    path("", fleet, name="fleet"),
    path("fleet-status/", fleet_status, name="fleet_status"),
    path("login/", SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    # Not below `devices/`, because `add` is a valid uid.
    path("add-device/", add_device, name="add_device"),
    path("devices/<str:uid>/", device, name="device"),
    path("devices/<str:uid>/export/", export_history, name="export_history"),
    path("devices/<str:uid>/import/", import_history, name="import_history"),
    path("devices/<str:uid>/retention/", device_retention, name="device_retention"),
    path("devices/<str:uid>/retention/metric/", metric_retention, name="metric_retention"),
    path("devices/<str:uid>/secret/", rotate_secret, name="rotate_secret"),
    path("spaces/<str:slug>/retention/", space_retention, name="space_retention"),
    path("sources/", sources, name="sources"),
    path("sources/<int:id>/", source, name="source"),
    path("spaces/<str:slug>/sources/", space_sources, name="space_sources"),
    path("spaces/<str:slug>/sources/mapping/", new_mapping, name="new_mapping"),
    path("spaces/<str:slug>/decoders/", space_decoders, name="space_decoders"),
    path("spaces/<str:slug>/decoders/new/", create_decoder, name="create_decoder"),
    path("decoders/<int:id>/", decoder, name="decoder"),
    path("decoders/<int:id>/delete/", delete_decoder, name="delete_decoder"),
    path("dashboards/<int:id>/", dashboard, name="dashboard"),
    path("places/", places, name="places"),
    path("notification-worker.js", notification_worker, name="notification_worker"),
    path("rooms/", rooms, name="rooms"),
    path("rooms/<int:id>/", room, name="room"),
    path("rooms/<int:id>/settings/", room_settings, name="room_settings"),
    path("rooms/<int:id>/webhooks/", create_webhook, name="create_webhook"),
    path("rooms/<int:id>/webhooks/<int:webhook>/delete/", delete_webhook, name="delete_webhook"),
    path("spaces/<str:slug>/rooms/", create_room, name="create_room"),
    path("inbox/", inbox, name="inbox"),
    # `path`: a username may hold a slash.
    path("inbox/<path:username>/", conversation, name="conversation"),
]
