"""What was one row of words for everybody leaves the tables; tasks and language models are identities alone."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('experiences', '0009_descriptions'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='languagemodel',
            name='language_model_parameters_positive',
        ),
        migrations.RemoveField(
            model_name='languagemodel',
            name='architecture',
        ),
        migrations.RemoveField(
            model_name='languagemodel',
            name='feature_sources',
        ),
        migrations.RemoveField(
            model_name='languagemodel',
            name='features',
        ),
        migrations.RemoveField(
            model_name='languagemodel',
            name='parameters',
        ),
        migrations.RemoveField(
            model_name='task',
            name='dataset_config',
        ),
        migrations.RemoveField(
            model_name='task',
            name='dataset_name',
        ),
        migrations.RemoveField(
            model_name='task',
            name='dataset_revision',
        ),
        migrations.RemoveField(
            model_name='task',
            name='dataset_source',
        ),
        migrations.RemoveField(
            model_name='task',
            name='described',
        ),
        migrations.RemoveField(
            model_name='task',
            name='domain',
        ),
        migrations.RemoveField(
            model_name='task',
            name='fingerprint',
        ),
        migrations.RemoveField(
            model_name='task',
            name='languages',
        ),
        migrations.RemoveField(
            model_name='task',
            name='metafeatures',
        ),
        migrations.RemoveField(
            model_name='task',
            name='name',
        ),
        migrations.AlterField(
            model_name='experience',
            name='task_description',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='experiences', to='experiences.taskdescription'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(fields=['task_description', '-change_seq'], name='experience_task_words'),
        ),
        migrations.AddIndex(
            model_name='experience',
            index=models.Index(fields=['language_model_description', '-change_seq'], name='experience_language_words'),
        ),
    ]
