"""The numbers of the record in a column of their own, for the experiences that are there already too."""

from django.db import migrations, models

PARTS = {
    "h": ("pipeline", "hyperparameters"),
    "metrics": ("metrics",),
    "cost": ("cost",),
    "limits": ("limits",),
    "fidelity": ("fidelity",),
    "conditions": ("conditions",),
}
ROWS = 1000


def numbers_of(record):
    found = {}
    for part, way in PARTS.items():
        value = record
        for name in way:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, dict):
            splits = value if part == "metrics" else {None: value}
            numbers = {
                split: {name: one for name, one in values.items() if is_number(one)}
                for split, values in splits.items()
                if isinstance(values, dict)
            }
            found[part] = numbers if part == "metrics" else numbers[None]
    return found


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= 1.7e308


def fill(apps, schema_editor):
    model, connection = apps.get_model("experiences", "Experience"), schema_editor.connection
    experiences, key, numbers = model.objects, model._meta.pk, model._meta.get_field("numbers")
    at = 0
    while True:
        rows = list(experiences.filter(change_seq__gt=at).only("pk", "change_seq", "record").order_by("change_seq")[:ROWS])
        if not rows:
            return
        # One statement a row: bulk_update makes one of a thousand cases, each row compared with each.
        values = [
            (numbers.get_db_prep_save(numbers_of(row.record), connection), key.get_db_prep_save(row.pk, connection))
            for row in rows
        ]
        with connection.cursor() as cursor:
            cursor.executemany('UPDATE experiences_experience SET numbers = %s WHERE id = %s', values)
        at = rows[-1].change_seq


class Migration(migrations.Migration):

    dependencies = [
        ('experiences', '0003_catalogue_and_caches'),
    ]

    operations = [
        migrations.AddField(
            model_name='experience',
            name='numbers',
            field=models.JSONField(default=dict, help_text='of the record, as `numbers_of` takes them out'),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
