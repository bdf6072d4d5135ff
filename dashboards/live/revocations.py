"""Reports at once that a login has ended or a permission may be gone, to the person's connections and to brokers.

Changes of rows without these signals (`QuerySet.update`, another program) are found by the regular check of the
database (`dashboards.live.connection_monitor`).
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models.signals import post_delete, post_save

from devices.channel import fanout
from devices.channel.events import LoginEnded, PersonChanged
from devices.models import ApiToken, Member


def connect() -> None:
    """Connects the receivers; called once, when the apps are ready."""
    user = get_user_model()
    user_logged_out.connect(_logged_out, dispatch_uid="live logged out")
    post_save.connect(_user_saved, sender=user, dispatch_uid="live user saved")
    post_delete.connect(_user_deleted, sender=user, dispatch_uid="live user deleted")
    post_save.connect(_member_saved, sender=Member, dispatch_uid="live member saved")
    post_save.connect(_token_saved, sender=ApiToken, dispatch_uid="live token saved")
    for model in (Member, ApiToken):
        post_delete.connect(_right_deleted, sender=model, dispatch_uid=f"live {model.__name__} deleted")


def _publish(user_id: int) -> None:
    transaction.on_commit(lambda: fanout.publish_from_sync([LoginEnded(user_id), PersonChanged(user_id)]))


def _logged_out(request: Any, user: Any, **kwargs: Any) -> None:
    if user is None or not user.is_authenticated:
        return
    session = getattr(request, "session", None)
    if session is not None:
        # Django sends this signal before it deletes the row, and a connection that checks at once would find it.
        session.delete()
    transaction.on_commit(lambda: fanout.publish_from_sync([LoginEnded(user.pk)]))


def _user_saved(instance: Any, created: bool, update_fields: frozenset[str] | None, **kwargs: Any) -> None:
    if not created and update_fields != {"last_login"}:  # which each login sets
        _publish(instance.pk)


def _user_deleted(instance: Any, **kwargs: Any) -> None:
    _publish(instance.pk)


def _member_saved(instance: Member, **kwargs: Any) -> None:
    _publish(instance.user_id)  # of a new space too: the inbox shows the activity of its rooms from now on


def _token_saved(instance: ApiToken, **kwargs: Any) -> None:
    transaction.on_commit(lambda: fanout.publish_from_sync([PersonChanged(instance.user_id)]))


def _right_deleted(instance: Member | ApiToken, **kwargs: Any) -> None:
    _publish(instance.user_id)
