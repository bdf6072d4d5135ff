"""Indexes of rooms' logs; webhooks of a room have different names; what edits of removed messages said is hidden."""

from itertools import count

from django.db import migrations, models
from django.db.models import Exists, OuterRef


def hide_removed(apps, editor):
    Message = apps.get_model("devices", "Message")
    removed = Message.objects.filter(room=OuterRef("room"), seq=OuterRef("of"), removed_at__isnull=False)
    edits = Message.objects.filter(Exists(removed), kind="edit").order_by()
    for edit in edits.iterator():
        edit.text, edit.data = "", {"before": edit.data["before"]}
        edit.save(update_fields=["text", "data"])


def tell_apart(apps, editor):
    """The oldest keeps its name, the others become `name 2`, `name 3`."""
    taken = set()
    for webhook in apps.get_model("devices", "Webhook").objects.order_by("id"):
        given = webhook.name
        others = (f"{given[: 64 - len(f' {n}')]} {n}" for n in count(2))
        while (webhook.room_id, webhook.name) in taken:
            webhook.name = next(others)
        taken.add((webhook.room_id, webhook.name))
        if webhook.name != given:
            webhook.save(update_fields=["name"])


class Migration(migrations.Migration):

    dependencies = [
        ("devices", "0006_rooms"),
    ]

    operations = [
        migrations.AlterModelOptions(name="message", options={"ordering": ["room_id", "seq"]}),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("of__isnull", False)), fields=["room", "of", "seq"], name="messages_of_another"
            ),
        ),
        migrations.AddIndex(
            model_name="mention",
            index=models.Index(fields=["room"], name="mentions_of_room"),
        ),
        migrations.RunPython(hide_removed, migrations.RunPython.noop),
        migrations.RunPython(tell_apart, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="webhook",
            constraint=models.UniqueConstraint(fields=("room", "name"), name="one_webhook_of_a_name"),
        ),
    ]
