import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Of django-axes, whose work `devices.spaces.passwords` does now; they hold names and addresses of people.
FORMER_TABLES = ("axes_accessattemptexpiration", "axes_accessattempt", "axes_accessfailurelog", "axes_accesslog")


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("devices", "0008_bridge_secrets"),
    ]

    operations = [
        migrations.CreateModel(
            name="FailedSignIn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "account",
                    models.CharField(
                        help_text="username as typed, whether there is such an account or not", max_length=150
                    ),
                ),
                ("network", models.CharField(help_text="address, or its /64 network for IPv6", max_length=64)),
                ("at", models.BigIntegerField(help_text="microseconds")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account", "at"], name="failed_sign_ins_of_account"),
                    models.Index(fields=["network", "at"], name="failed_sign_ins_of_network"),
                    models.Index(fields=["at"], name="failed_sign_ins_by_time"),
                ],
            },
        ),
        migrations.CreateModel(
            name="KnownNetwork",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("network", models.CharField(max_length=64)),
                ("at", models.BigIntegerField(help_text="microseconds; the last time")),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="known_networks_by_time")],
                "constraints": [models.UniqueConstraint(fields=("user", "network"), name="one_known_network")],
            },
        ),
        migrations.AddField(
            model_name="space",
            name="removed_until",
            field=models.BigIntegerField(
                default=0,
                help_text="microseconds; up to when SPACE_READING_QUOTA has had readings removed; 0: never",
            ),
        ),
        *[migrations.RunSQL(f"DROP TABLE IF EXISTS {table}", migrations.RunSQL.noop) for table in FORMER_TABLES],
        migrations.RunSQL("DELETE FROM django_migrations WHERE app = 'axes'", migrations.RunSQL.noop),
    ]
