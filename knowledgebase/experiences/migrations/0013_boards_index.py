"""Metric and split stand in the index of the sums by task: who leads is read there and not from the wide rows."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_viewers_and_reset_links"),
        ("experiences", "0012_rows_and_times_in_range"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="experience",
            name="experience_by_task",
        ),
        migrations.AddIndex(
            model_name="experience",
            index=models.Index(
                fields=[
                    "task",
                    "language_model",
                    "status",
                    "visibility",
                    "team",
                    "owner",
                    "primary_metric",
                    "primary_split",
                    "score",
                    "change_seq",
                ],
                name="experience_by_task",
            ),
        ),
    ]
