"""/api/v1/about/: what a client asks before it sends: which hub this is, what it takes, who the token is."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from tunelore.record import KNOWN_SCHEMAS

from knowledgebase.web.context import hub_version


class AboutAnswer(serializers.Serializer[object]):
    """`user` is null for who does not say who they are; `team` and `scopes` are those of the token."""

    version = serializers.CharField(help_text="of the hub; empty where it runs from a checkout")
    records = serializers.ListField(
        child=serializers.CharField(), help_text="versions of the record it takes"
    )
    user = serializers.CharField(allow_null=True)
    team = serializers.CharField(allow_null=True)
    scopes = serializers.ListField(child=serializers.CharField(), allow_null=True)


class About(APIView):
    """The hub in a few words."""

    # Any token may ask what it is worth; the answer holds nothing but that.
    permission_classes = (AllowAny,)

    @extend_schema(responses=AboutAnswer)
    def get(self, request: Request) -> Response:
        """Which records this hub takes, and who you are to it."""
        token = request.auth
        team = getattr(token, "team", None)
        return Response(
            {
                "version": hub_version(),
                "records": list(KNOWN_SCHEMAS),
                "user": request.user.get_username() or None,
                "team": None if team is None else team.slug,
                "scopes": getattr(token, "scopes", None),
            }
        )
