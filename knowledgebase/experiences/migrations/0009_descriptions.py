"""What records say of tasks and language models, kept apart for each audience; filled from the records themselves.

The store is read once, in the order of its changes and some thousand rows at a time: no more than the two parts of each
record that are needed. What the catalogue gave a language model is taken over from its row; where a record had named
that feature first, `manage.py describe_language_models` fills the gap again.
"""

import hashlib
from itertools import chain, groupby

import django.db.models.deletion
from django.db import migrations, models
from tunelore import record as records

ROWS = 2000
CATALOGUE = "catalogue"
COLUMNS = (
    "pk", "change_seq", "visibility", "team_id", "owner_id", "task_id", "task__digest", "record__task",
    "language_model_id", "language_model__key", "record__language_model",
)


def audience_of(visibility, team, owner):
    if visibility in ("hub", "public"):
        return "hub"
    return f"team:{team}" if visibility == "team" and team is not None else f"user:{owner or ''}"


def wording(audience, identity, name, said):
    part = records.canonical({name: said})[1:-1]
    return hashlib.sha256(b"\n".join((audience.encode(), identity.encode(), part))).hexdigest()


def rank_of(metafeatures):
    if not metafeatures:
        return 0
    known = sum(value is not None for value in metafeatures.get("values", {}).values())
    return metafeatures["version"] << 8 | (not metafeatures.get("sampled", False)) << 7 | min(known, 127)


def task_values(task):
    dataset, metafeatures = task["dataset"], task.get("metafeatures") or {}
    return {
        "name": task.get("name") or dataset.get("name") or "",
        "dataset_source": dataset.get("source") or "",
        "dataset_name": dataset.get("name") or "",
        "dataset_config": dataset.get("config") or "",
        "dataset_revision": dataset.get("revision") or "",
        "fingerprint": dataset.get("fingerprint") or "",
        "languages": task.get("languages") or [],
        "domain": task.get("domain") or "",
        "metafeatures": metafeatures,
        "extractor": metafeatures.get("extractor", ""),
        "rank": rank_of(metafeatures),
    }


def model_values(said, row):
    """The record's own features, and in their gaps what the catalogue had given the row."""
    features = {name: value for name, value in (said.get("features") or {}).items() if value is not None}
    sources = dict.fromkeys(features, "record")
    for name, source in row.feature_sources.items():
        if source.startswith(CATALOGUE) and name not in features:
            features[name], sources[name] = row.features[name], source
    parameters, architecture = features.get("parameters"), features.get("architecture")
    is_count = isinstance(parameters, int) and not isinstance(parameters, bool) and 0 <= parameters < 2**63
    return {
        "features": features,
        "feature_sources": sources,
        "parameters": parameters if is_count else None,
        "architecture": architecture[:100] if isinstance(architecture, str) else "",
    }


def made(model, rows):
    """digest -> key of these rows (digest -> fields), those that are not there yet made."""
    keys = dict(model.objects.filter(digest__in=list(rows)).values_list("digest", "pk"))
    new = [model(digest=digest, **values()) for digest, values in rows.items() if digest not in keys]
    return keys | {row.digest: row.pk for row in model.objects.bulk_create(new)}


def fill(apps, schema_editor):
    experience, task_words, model_words, language_model = (
        apps.get_model("experiences", name)
        for name in ("Experience", "TaskDescription", "LanguageModelDescription", "LanguageModel")
    )
    at = 0
    while True:
        rows = list(
            experience.objects.filter(change_seq__gt=at).order_by("change_seq").values_list(*COLUMNS)[:ROWS]
        )
        if not rows:
            return
        models_there = language_model.objects.in_bulk({row[8] for row in rows if row[8] is not None})
        tasks, models_, links = {}, {}, []
        for pk, _, visibility, team, owner, task_id, task, said, model_id, model, model_said in rows:
            audience = audience_of(visibility, team, owner)
            of_task = wording(audience, task, "task", said)
            tasks.setdefault(
                of_task,
                lambda a=audience, t=task_id, s=said: {"audience": a, "task_id": t, **task_values(s)},
            )
            of_model = None
            if model_id is not None:
                of_model = wording(audience, model, "language_model", model_said)
                models_.setdefault(
                    of_model,
                    lambda a=audience, m=model_id, s=model_said: {
                        "audience": a, "language_model_id": m, **model_values(s, models_there[m]),
                    },
                )
            links.append((pk, of_task, of_model))
        task_keys, model_keys = made(task_words, tasks), made(model_words, models_)
        link(
            schema_editor.connection,
            experience._meta.pk,
            [(pk, task_keys[of_task], model_keys.get(of_model)) for pk, of_task, of_model in links],
        )
        at = rows[-1][1]


def link(connection, key, rows):
    """Point experiences (key, task's, language model's description) to their words: one statement on PostgreSQL."""
    table = "experiences_experience"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"UPDATE {table} AS e SET task_description_id = n.t, language_model_description_id = n.m"  # noqa: S608
                " FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS n(id, t, m) WHERE e.id = n.id",
                [list(column) for column in zip(*rows)],
            )
        else:
            cursor.executemany(
                f"UPDATE {table} SET task_description_id = %s, language_model_description_id = %s WHERE id = %s",  # noqa: S608
                [(task, model, key.get_db_prep_save(pk, connection)) for pk, task, model in rows],
            )


def back(apps, schema_editor):
    """As it was: one row for everybody, in the words of whoever came first."""
    task_words, model_words = (
        apps.get_model("experiences", name) for name in ("TaskDescription", "LanguageModelDescription")
    )
    for task, rows in described(task_words, "task"):
        for said in rows:
            for name in (
                "name", "dataset_source", "dataset_name", "dataset_config", "dataset_revision", "fingerprint",
                "languages", "domain",
            ):
                setattr(task, name, getattr(task, name) or getattr(said, name))
            now = task.metafeatures
            if not now or (now.get("extractor") == said.extractor and said.rank > rank_of(now)):
                task.metafeatures = said.metafeatures
        task.save()
    for row, rows in described(model_words, "language_model"):
        for said in rows:
            for name, value in said.features.items():
                is_record = said.feature_sources[name] == "record"
                if name not in row.features or (is_record and row.feature_sources[name] != "record"):
                    row.features[name], row.feature_sources[name] = value, said.feature_sources[name]
        values = model_values({"features": row.features}, row)
        row.parameters, row.architecture = values["parameters"], values["architecture"]
        row.save()


def described(model, name):
    """Each task or language model with its descriptions, the first one first."""
    rows = model.objects.select_related(name).order_by(f"{name}_id", "pk").iterator(chunk_size=ROWS)
    for _, group in groupby(rows, key=lambda row: getattr(row, f"{name}_id")):
        first = next(group)
        yield getattr(first, name), chain([first], group)


class Migration(migrations.Migration):

    dependencies = [
        ('experiences', '0008_tail_of_ids'),
    ]

    operations = [
        migrations.CreateModel(
            name='TaskDescription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(help_text='SHA-256 of the audience, what is described, and the wording', max_length=64, unique=True)),
                ('audience', models.CharField(max_length=32)),
                ('name', models.CharField(blank=True, db_index=True, max_length=300)),
                ('dataset_source', models.CharField(blank=True, max_length=32)),
                ('dataset_name', models.CharField(blank=True, max_length=300)),
                ('dataset_config', models.CharField(blank=True, max_length=200)),
                ('dataset_revision', models.CharField(blank=True, max_length=200)),
                ('fingerprint', models.CharField(blank=True, max_length=90)),
                ('languages', models.JSONField(blank=True, default=list)),
                ('domain', models.CharField(blank=True, max_length=200)),
                ('metafeatures', models.JSONField(blank=True, default=dict, help_text='extractor, version, sampled, values')),
                ('extractor', models.CharField(blank=True, help_text='of the meta-features', max_length=100)),
                ('rank', models.BigIntegerField(default=0, help_text='`rank_of` the meta-features')),
                ('task', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='descriptions', to='experiences.task')),
            ],
            options={
                'indexes': [models.Index(fields=['task', 'audience'], name='task_description_of'), models.Index(fields=['audience', 'task'], name='task_description_for')],
            },
        ),
        migrations.CreateModel(
            name='LanguageModelDescription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(help_text='SHA-256 of the audience, what is described, and the wording', max_length=64, unique=True)),
                ('audience', models.CharField(max_length=32)),
                ('features', models.JSONField(blank=True, default=dict)),
                ('feature_sources', models.JSONField(blank=True, default=dict, help_text='feature -> record, or the catalogue and its source')),
                ('parameters', models.BigIntegerField(blank=True, null=True)),
                ('architecture', models.CharField(blank=True, max_length=100)),
                ('language_model', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='descriptions', to='experiences.languagemodel')),
            ],
            options={
                'indexes': [models.Index(fields=['language_model', 'audience'], name='language_model_described')],
                'constraints': [models.CheckConstraint(condition=models.Q(('parameters__isnull', True), ('parameters__gte', 0), _connector='OR'), name='described_parameters_positive')],
            },
        ),
        migrations.AddField(
            model_name='experience',
            name='task_description',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='experiences', to='experiences.taskdescription'),
        ),
        migrations.AddField(
            model_name='experience',
            name='language_model_description',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='experiences', to='experiences.languagemodeldescription'),
        ),
        migrations.RunPython(fill, back),
    ]
