"""Seconds are so few that those of many runs can be added up; of a longer run the record alone keeps them."""

from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

MOST_SECONDS = 1e12


def empty_what_has_no_sum(apps, schema_editor):
    """Columns repeat the record for filters and sums; one that nothing can be added to says nothing."""
    rows = apps.get_model("experiences", "Experience").objects.order_by()
    rows.filter(evaluation_s__gt=MOST_SECONDS).update(evaluation_s=None)
    rows.filter(cpu_s__gt=MOST_SECONDS).update(cpu_s=None)
    if schema_editor.connection.vendor == "postgresql":
        # What a change of rows has put off to the end is done now; else the table cannot be altered after it.
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0003_viewers_and_reset_links"),
        ("experiences", "0015_systems_in_the_index_of_sums"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(empty_what_has_no_sum, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="experience",
            constraint=models.CheckConstraint(
                condition=(Q(evaluation_s__isnull=True) | Q(evaluation_s__lte=MOST_SECONDS))
                & (Q(cpu_s__isnull=True) | Q(cpu_s__lte=MOST_SECONDS)),
                name="experience_seconds_have_a_sum",
            ),
        ),
    ]
