import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_viewers_and_reset_links'),
        ('experiences', '0005_number_indexes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='experience',
            name='digest',
            field=models.CharField(help_text='of the record without id and provenance', max_length=80),
        ),
        migrations.AlterField(
            model_name='experience',
            name='language_model',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='experiences', to='experiences.languagemodel'),
        ),
        migrations.AlterField(
            model_name='experience',
            name='owner',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='experiences', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='experience',
            name='task',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='experiences', to='experiences.task'),
        ),
        migrations.AlterField(
            model_name='experience',
            name='team',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='experiences', to='accounts.team'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(fields=['digest'], name='experience_digest'),
        ),
    ]
