from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ("devices", "0014_exportable_tokens"),
    ]

    operations = [
        migrations.RenameModel(old_name="Refusal", new_name="StoredRefusal"),
    ]
