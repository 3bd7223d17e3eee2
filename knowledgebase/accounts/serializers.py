"""Tokens as the API answers them; their text appears once, in the answer that makes one."""

from __future__ import annotations

from rest_framework import serializers

from knowledgebase.accounts.models import SCOPES, ApiToken
from knowledgebase.core.parameters import Strict

MOST_DAYS = 3650


class TokenAnswer(serializers.ModelSerializer[ApiToken]):
    """A token of yours, without its text."""

    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPES))
    team = serializers.CharField(source="team.slug")
    valid = serializers.BooleanField(source="is_valid", help_text="neither expired nor revoked")

    class Meta:
        model = ApiToken
        fields = (
            "id",
            "prefix",
            "name",
            "scopes",
            "team",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
            "valid",
        )


class NewTokenAnswer(TokenAnswer):
    """A new token with its text, which is shown here and nowhere else."""

    token = serializers.CharField()

    class Meta(TokenAnswer.Meta):
        fields = (*TokenAnswer.Meta.fields, "token")  # type: ignore[assignment]


class TokenRequest(Strict):
    """What a new token may do, and for how long."""

    name = serializers.CharField(max_length=100, help_text="what to recognise it by")
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPES), min_length=1, max_length=5)
    team = serializers.CharField(
        max_length=160,
        required=False,
        help_text="slug of the team that its records belong to; your own when absent",
    )
    days = serializers.IntegerField(
        min_value=1, max_value=MOST_DAYS, required=False, help_text="until it is revoked when absent"
    )
