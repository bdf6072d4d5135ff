"""Rooms, their logs, and who has read what. Every device gets its room, every space its first."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def furnish(apps, editor):
    Space, Device, Room = (apps.get_model("devices", name) for name in ("Space", "Device", "Room"))
    devices = Device.objects.values_list("pk", "space_id", "availability").iterator()
    rooms = (
        Room(space_id=space, device_id=pk, availability="" if availability == "unknown" else availability)
        for pk, space, availability in devices
    )
    Room.objects.bulk_create(rooms, batch_size=1000)
    Room.objects.bulk_create(Room(space=space, name="General") for space in Space.objects.all())


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('devices', '0005_clustered'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Bot',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='bot', serialize=False, to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddField(
            model_name='command',
            name='seq',
            field=models.BigIntegerField(help_text="of its message in the device's room", null=True),
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.BigIntegerField()),
                ('at', models.BigIntegerField(help_text='microseconds')),
                ('kind', models.CharField(choices=[('chat', 'chat'), ('command', 'command'), ('answer', 'answer'), ('note', 'note'), ('chart', 'chart'), ('availability', 'availability'), ('joined', 'joined'), ('edit', 'edit'), ('removal', 'removal')], max_length=12)),
                ('origin', models.CharField(choices=[('person', 'person'), ('bot', 'bot'), ('device', 'device'), ('hub', 'hub')], max_length=6)),
                ('by', models.CharField(default='', max_length=150)),
                ('text', models.TextField(default='')),
                ('folded', models.TextField(default='', help_text='the text as search compares it')),
                ('data', models.JSONField(default=dict)),
                ('key', models.CharField(max_length=64, null=True)),
                ('of', models.BigIntegerField(null=True)),
                ('edited_at', models.BigIntegerField(help_text='microseconds', null=True)),
                ('removed_at', models.BigIntegerField(help_text='microseconds', null=True)),
                ('author', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['room', 'seq'],
            },
        ),
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file', models.FileField(max_length=200, upload_to='rooms/%Y/%m')),
                ('name', models.CharField(max_length=200)),
                ('type', models.CharField(max_length=100)),
                ('size', models.PositiveBigIntegerField(help_text='bytes')),
                ('width', models.PositiveIntegerField(null=True)),
                ('height', models.PositiveIntegerField(null=True)),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attachments', to='devices.message')),
            ],
        ),
        migrations.CreateModel(
            name='Room',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(default='', max_length=120)),
                ('seq', models.BigIntegerField(default=0)),
                ('chats', models.BigIntegerField(default=0)),
                ('active_at', models.BigIntegerField(default=0, help_text='microseconds; when somebody last said something')),
                ('availability', models.CharField(choices=[('unknown', 'unknown'), ('online', 'online'), ('offline', 'offline'), ('stale', 'stale')], default='', help_text='of the device, as the log shows it', max_length=8)),
                ('device', models.OneToOneField(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='room', to='devices.device')),
                ('first', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('second', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('space', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='rooms', to='devices.space')),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='ReadMark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.BigIntegerField(default=0)),
                ('chats', models.BigIntegerField(default=0)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('room', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.room')),
            ],
        ),
        migrations.AddField(
            model_name='message',
            name='room',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='devices.room'),
        ),
        migrations.CreateModel(
            name='Mention',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.BigIntegerField()),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mentions', to='devices.message')),
                ('room', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.room')),
            ],
        ),
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64)),
                ('hash', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('room', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='webhooks', to='devices.room')),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Block',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('by', 'person'), name='one_block')],
            },
        ),
        migrations.AddConstraint(
            model_name='room',
            constraint=models.UniqueConstraint(condition=models.Q(('device', None)), fields=('space', 'name'), name='one_room_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='room',
            constraint=models.UniqueConstraint(fields=('first', 'second'), name='one_conversation'),
        ),
        migrations.AddConstraint(
            model_name='room',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('first', None), ('second', None), ('space__isnull', False)), models.Q(('device', None), ('first__lt', models.F('second')), ('space', None)), _connector='OR'), name='room_of_a_space_or_of_two'),
        ),
        migrations.AddConstraint(
            model_name='readmark',
            constraint=models.UniqueConstraint(fields=('user', 'room'), name='one_read_mark'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['author', '-at'], name='messages_of_author'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('origin', 'bot')), fields=['room', 'by', '-at'], name='messages_of_bots'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('room', 'seq'), name='one_message_of_a_seq'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(condition=models.Q(('key__isnull', False)), fields=('room', 'author', 'key'), name='one_message_of_a_key'),
        ),
        migrations.AddConstraint(
            model_name='mention',
            constraint=models.UniqueConstraint(fields=('user', 'room', 'seq'), name='one_mention'),
        ),
        migrations.RunPython(furnish, migrations.RunPython.noop),
    ]
