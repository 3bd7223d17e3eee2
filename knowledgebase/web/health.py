"""Whether the hub lives and can do its work, for supervisors and load balancers."""

from __future__ import annotations

import logging

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

logger = logging.getLogger(__name__)


def live(_request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "live"})


def ready(_request: HttpRequest) -> JsonResponse:
    """The process answers and reaches its database (503 when it does not)."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        logger.exception("the database cannot be reached")
        return JsonResponse({"status": "not ready", "database": "cannot be reached"}, status=503)
    return JsonResponse({"status": "ready"})
