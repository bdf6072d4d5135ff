from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0013_refusal_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="secret_hash",
            field=models.CharField(
                blank=True,
                default="",
                help_text="for Mosquitto's password file; empty for older tokens",
                max_length=200,
            ),
        ),
    ]
