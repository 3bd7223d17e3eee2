"""Sums over a million rows: systems stand in the index of the sums by task, where what each has run is counted.

And PostgreSQL learns how few days there are: otherwise it takes each row for a day of its own, and counts alone what
its workers could count together.
"""

from django.conf import settings
from django.db import migrations, models


TELL = "CREATE STATISTICS experience_day ON ((received_at AT TIME ZONE 'UTC')::date) FROM experiences_experience"
FORGET = "DROP STATISTICS experience_day"


def on_postgresql(sql):
    def run(_apps, editor):
        if editor.connection.vendor == "postgresql":
            editor.execute(sql)

    return run


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_viewers_and_reset_links"),
        ("experiences", "0014_own_spaces"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(model_name="experience", name="experience_by_task"),
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
                    "system",
                ],
                name="experience_by_task",
            ),
        ),
        migrations.RunPython(on_postgresql(TELL), on_postgresql(FORGET)),
    ]
