from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("devices", "0009_sign_ins"),
    ]

    operations = [
        migrations.CreateModel(
            name="OutsideEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.BigIntegerField(help_text="microseconds")),
                ("message", models.BinaryField(help_text="the message of the channel layer, as msgpack")),
            ],
        ),
    ]
