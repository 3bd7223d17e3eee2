"""The space of a pipeline stands with each experience, as its own record says, and no more with the shared pipeline."""

from django.db import migrations, models
from django.db.models import OuterRef, Subquery, Value
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Coalesce, Left


def fill(apps, schema_editor):
    """One statement: the record stays where it is, and what names no space is left alone."""
    named = Left(KeyTextTransform("space", KeyTransform("pipeline", "record")), 100)
    rows = apps.get_model("experiences", "Experience").objects.order_by()
    said = rows.filter(record__pipeline__space__isnull=False).exclude(record__pipeline__space=None)
    said.update(space=named)


def share(apps, schema_editor):
    """The way back: the first record's word for everybody, as it was."""
    first = apps.get_model("experiences", "Experience").objects.filter(pipeline=OuterRef("pk")).order_by("change_seq")
    pipelines = apps.get_model("experiences", "Pipeline").objects.all()
    pipelines.update(space=Coalesce(Subquery(first.values("space")[:1]), Value("")))


class Migration(migrations.Migration):
    dependencies = [
        ("experiences", "0013_boards_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="experience",
            name="space",
            field=models.CharField(
                blank=True,
                default="",
                help_text="that its own record says the pipeline was drawn from",
                max_length=100,
            ),
            preserve_default=False,
        ),
        migrations.RunPython(fill, share),
        migrations.RemoveField(model_name="pipeline", name="space"),
    ]
