"""/api/v1/tokens/: one's own tokens, with a session or with a token of the scope `admin`.

A token reaches no further than its owner: these doors are closed to every narrower one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from knowledgebase.accounts import selectors, services
from knowledgebase.accounts.models import ApiToken, User
from knowledgebase.accounts.serializers import NewTokenAnswer, TokenAnswer, TokenRequest
from knowledgebase.core.api import CursorPages, conditional
from knowledgebase.core.errors import invalid, not_found

SCOPES = {"GET": "admin", "POST": "admin", "DELETE": "admin"}


class ByAge(CursorPages):
    ordering = "-id"


class TokenList(ListAPIView[ApiToken]):
    """Your tokens, newest first, revoked ones too; and new ones."""

    scopes = SCOPES
    serializer_class = TokenAnswer
    pagination_class = ByAge
    queryset = ApiToken.objects.none()

    def get_queryset(self) -> Any:
        return selectors.token_list(cast(User, self.request.user))

    @extend_schema(request=TokenRequest, responses={201: NewTokenAnswer})
    def post(self, request: Request) -> Response:
        """Make a token; its text is in this answer alone. `admin` and `federation` are the operator's to give."""
        user, asked = cast(User, request.user), TokenRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        services.require_offered(user, given["scopes"])
        team = None
        if slug := given.get("team"):
            team = selectors.team_of(user, slug)
            if team is None:
                raise invalid("team", f"you are in no team {slug[:40]!r}")
        days = given.get("days")
        token, text = services.create_token(
            user,
            given["name"],
            given["scopes"],
            team=team,
            expires_at=None if days is None else timezone.now() + timedelta(days=days),
        )
        token.token = text  # type: ignore[attr-defined]  # read by the serializer only
        return Response(NewTokenAnswer(token).data, status=status.HTTP_201_CREATED)


class TokenDetail(APIView):
    """One token of yours."""

    scopes = SCOPES
    answers_304 = True

    @extend_schema(responses=TokenAnswer)
    def get(self, request: Request, token_id: int) -> Response:
        """What it may do, until when, and when it was last used."""
        return conditional(request, TokenAnswer(self.found(request, token_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, token_id: int) -> Response:
        """Revoke it now; again is harmless. It stays in the list, as what it was."""
        services.revoke_token(self.found(request, token_id), actor=cast(User, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @staticmethod
    def found(request: Request, token_id: int) -> ApiToken:
        token = selectors.token_list(cast(User, request.user)).filter(pk=token_id).first()
        if token is None:
            raise not_found("token", token_id)
        return token
