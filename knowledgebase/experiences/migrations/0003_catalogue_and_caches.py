from django.db import migrations, models
from django.utils import timezone


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
            name='described_at',
            field=models.DateTimeField(auto_now=True, default=timezone.now, help_text='last change; caches of meta-features go by it'),
            preserve_default=False,
        ),
    ]
