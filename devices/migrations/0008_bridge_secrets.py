"""The secrets that name the sessions of bridges at their brokers."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0007_rooms_mended'),
    ]

    operations = [
        migrations.CreateModel(
            name='BridgeSecret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('broker', models.CharField(help_text='name of the broker', max_length=64)),
                ('secret', models.CharField(max_length=32)),
                ('is_current', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_current', True)), fields=('broker',), name='one_current_bridge_secret')],
            },
        ),
    ]
