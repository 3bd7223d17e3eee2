"""Who sends an API request, by bearer token. It knows nothing of what the request wants."""

from __future__ import annotations

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from knowledgebase.accounts.models import ApiToken, User
from knowledgebase.accounts.selectors import token_of, why_not


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer tl_...``; anything else in that header is refused, its absence is anonymous."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        if len(parts) != 2:
            raise AuthenticationFailed("the Authorization header must be 'Bearer <token>'")
        token = token_of(parts[1].decode("latin-1"))
        if token is None:
            # Said to who has the whole token, which is as good as a password.
            raise AuthenticationFailed(f"the token {why_not(parts[1].decode('latin-1'))}; make a new one")
        return token.owner, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="TuneLore"'


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names it."""

    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
