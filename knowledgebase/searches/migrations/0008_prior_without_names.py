"""Names of tasks leave the priors that searches keep: each reader is told their own, as long as there are any."""

from django.db import migrations

ROWS = 500


def without_names(apps, schema_editor):
    searches = apps.get_model("searches", "Search").objects.exclude(prior_summary={})
    for search in searches.only("pk", "prior_summary").order_by("pk").iterator(chunk_size=ROWS):
        near = search.prior_summary.get("neighbours")
        if near and any("name" in one for one in near):
            search.prior_summary["neighbours"] = [
                {key: value for key, value in one.items() if key != "name"} for one in near
            ]
            search.save(update_fields=["prior_summary"])


class Migration(migrations.Migration):

    dependencies = [
        ("searches", "0007_objectives_of_trials"),
    ]

    # Nothing to take back: a summary without names is read as well as one with them.
    operations = [
        migrations.RunPython(without_names, migrations.RunPython.noop, elidable=True),
    ]
