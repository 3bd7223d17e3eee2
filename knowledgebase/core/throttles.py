"""How often one person, or one address without a name, may ask: counted apart for each scope.

Rates come from the settings, "off" for none. A refusal says in Retry-After when to come back. It knows no view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView


class UserThrottle(UserRateThrottle):
    """Requests of one person under one scope; what names none counts as `user`."""

    scope = "user"

    def allow_request(self, request: Request, view: APIView) -> bool:
        method = "GET" if request.method in {"HEAD", "OPTIONS"} else str(request.method)
        wanted = getattr(view, "scopes", {}).get(method)
        if wanted in self.THROTTLE_RATES:
            self.scope = wanted
            if "rate" not in type(self).__dict__:
                self.rate = self.get_rate()
                self.num_requests, self.duration = self.parse_rate(self.rate)
        return super().allow_request(request, view)

    def throttle_failure(self) -> bool:
        raise too_many(self, "one person")


class AnonymousThrottle(AnonRateThrottle):
    """Requests of one address that says nothing of who it is."""

    scope = "anonymous"

    def throttle_failure(self) -> bool:
        raise too_many(self, "an address without a token")


def too_many(throttle: Any, who: str) -> Throttled:
    """A refusal that says which rate it is, and with Retry-After when to come back."""
    detail = (
        f"{throttle.num_requests:,} requests ({throttle.scope}) in {throttle.duration} s is as many as this hub "
        f"takes of {who}."
    )
    return Throttled(throttle.wait(), detail)
