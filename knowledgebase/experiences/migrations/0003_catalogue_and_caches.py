import time

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('experiences', '0002_sums_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='languagemodel',
            name='feature_sources',
            field=models.JSONField(blank=True, default=dict, help_text='feature -> record, or the catalogue and its source'),
        ),
        migrations.AddField(
            model_name='task',
            name='described',
            field=models.BigIntegerField(default=time.time_ns, help_text='grows with each change; caches of meta-features go by it'),
        ),
    ]
