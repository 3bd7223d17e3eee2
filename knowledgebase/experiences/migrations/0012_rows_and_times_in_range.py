"""Rows trained on are not negative, and no run ends before its start.

The validator has refused both from the beginning; what came in without it has the column emptied, and keeps the record
as it was sent.
"""

from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q


def empty_what_cannot_be(apps, schema_editor):
    """Columns repeat the record for filters; one that says what cannot be says nothing."""
    rows = apps.get_model("experiences", "Experience").objects.order_by()
    rows.filter(train_rows__lt=0).update(train_rows=None)
    rows.filter(finished_at__lt=F("started_at")).update(finished_at=None)
    if schema_editor.connection.vendor == "postgresql":
        # What a change of rows has put off to the end is done now; else the table cannot be altered after it.
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0003_viewers_and_reset_links"),
        ("experiences", "0011_run_visibility"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(empty_what_cannot_be, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="experience",
            constraint=models.CheckConstraint(
                condition=Q(train_rows__isnull=True) | Q(train_rows__gte=0),
                name="experience_train_rows_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="experience",
            constraint=models.CheckConstraint(
                condition=Q(started_at__isnull=True)
                | Q(finished_at__isnull=True)
                | Q(finished_at__gte=F("started_at")),
                name="experience_ends_after_its_start",
            ),
        ),
    ]
