"""Experiences and runs as the API answers them. The record itself is checked by tunelore.record alone."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from tunelore.record import schema

from knowledgebase.core.parameters import Strict
from knowledgebase.experiences.models import Experience, Run


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


class ExperienceDetailAnswer(ExperienceAnswer):
    """One experience, and others that say the same under ids of their own."""

    duplicates = serializers.ListField(
        child=serializers.UUIDField(), help_text="equal digests, oldest first, at most 20"
    )


class SharingRequest(Strict):
    """Who may see an experience."""

    visibility = serializers.ChoiceField(choices=Experience.Visibility.choices)


class TellingAnswer(serializers.Serializer[Any]):
    """A text of the record that may tell of people, machines or places."""

    pointer = serializers.CharField(help_text="JSON pointer into the record")
    text = serializers.CharField()
    why = serializers.CharField()


class PublicationAnswer(serializers.Serializer[Any]):
    """Exactly what others would see, whom that is, and what to look at before."""

    visibility = serializers.ChoiceField(choices=Experience.Visibility.choices, help_text="now")
    wanted = serializers.ChoiceField(choices=Experience.Visibility.choices)
    audience = serializers.CharField()
    experience = ExperienceAnswer()
    telling = TellingAnswer(many=True)
    shown = serializers.CharField(help_text="digest of what is shown here: send it back to publish just this")


class PublicationRequest(Strict):
    """The word to publish."""

    visibility = serializers.ChoiceField(choices=["team", "hub", "public"])
    shown = serializers.CharField(max_length=80, help_text="from the answer to GET")


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
        fields = ("id", "owner", "visibility", "started_at", "last_seen_at", "partial")
