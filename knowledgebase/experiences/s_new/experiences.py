"""What the API answers about the store: a thin skin. The record itself is checked by tunelore.record alone."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from tunelore.record import schema

from knowledgebase.experiences.models import Experience, LanguageModel, Run, Task


@extend_schema_field({"type": "object", "description": str(schema()["title"]), "additionalProperties": True})
class RecordField(serializers.JSONField):
    """A record, version 1."""


class HubFields(serializers.ModelSerializer[Experience]):
    """What the hub knows beside the record."""

    owner = serializers.CharField(source="owner.username", default=None)
    team = serializers.CharField(source="team.slug", default=None)
    task = serializers.CharField(source="task.digest")

    class Meta:
        model = Experience
        fields = (
            "owner",
            "team",
            "visibility",
            "origin",
            "licence",
            "change_seq",
            "received_at",
            "provisional",
            "digest",
            "task",
        )


class ExperienceAnswer(serializers.Serializer[Experience]):
    """``{"record": ..., "hub": ...}``: the record exactly as it came, and the hub's own fields apart."""

    record = RecordField()
    hub = HubFields(source="*", allow_null=True)


class SharingRequest(serializers.Serializer[Any]):
    """Who may see an experience."""

    visibility = serializers.ChoiceField(choices=Experience.Visibility.choices)


class ProblemAnswer(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = serializers.ListField(  # type: ignore[assignment]  # a field of this name, not the errors of this class
        child=serializers.DictField(), required=False
    )


class ItemAnswer(serializers.Serializer[Any]):
    """What became of one item of a batch."""

    id = serializers.CharField(allow_null=True)
    status = serializers.IntegerField()
    problem = ProblemAnswer(allow_null=True)


class BatchAnswer(serializers.Serializer[Any]):
    """One result an item, in the order sent."""

    results = ItemAnswer(many=True)


class RunAnswer(serializers.ModelSerializer[Run]):
    """A run that has not ended."""

    owner = serializers.CharField(source="owner.username")

    class Meta:
        model = Run
        fields = ("id", "owner", "started_at", "last_seen_at", "partial")


class TaskAnswer(serializers.ModelSerializer[Task]):
    """A task, and how much is known about it."""

    experiences = serializers.IntegerField(source="count")
    failed = serializers.IntegerField()
    best = serializers.FloatField(allow_null=True)

    class Meta:
        model = Task
        fields = (
            "digest",
            "kind",
            "name",
            "comparable",
            "label_column",
            "languages",
            "domain",
            "fingerprint",
            "metafeatures",
            "experiences",
            "failed",
            "best",
        )


class NearTaskAnswer(serializers.Serializer[Any]):
    """A near task: how far, and what each feature adds."""

    task = serializers.CharField(source="task.digest")
    name = serializers.CharField(source="task.name")
    distance = serializers.FloatField()
    parts = serializers.DictField(child=serializers.FloatField())


class TaskDetailAnswer(TaskAnswer):
    """A task with its nearest ones."""

    nearest = NearTaskAnswer(many=True)

    class Meta(TaskAnswer.Meta):
        fields = (*TaskAnswer.Meta.fields, "nearest")  # type: ignore[assignment]


class LanguageModelAnswer(serializers.ModelSerializer[LanguageModel]):
    """A language model, and how much is known about it."""

    experiences = serializers.IntegerField(source="count")
    failed = serializers.IntegerField()

    class Meta:
        model = LanguageModel
        fields = ("key", "source", "name", "revision", "variant", "features", "experiences", "failed")


class StatisticsAnswer(serializers.Serializer[Any]):
    """What the store knows, as far as you may see."""

    experiences = serializers.IntegerField()
    by_outcome = serializers.DictField(child=serializers.IntegerField())
    by_method = serializers.DictField(child=serializers.IntegerField())
    tasks = serializers.IntegerField()
    language_models = serializers.IntegerField()
    failed = serializers.IntegerField()
    compute_s = serializers.FloatField()
    this_week = serializers.IntegerField()
