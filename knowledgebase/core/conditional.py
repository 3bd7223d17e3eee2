"""Answers that need not be sent again: an ETag of what is answered to whom, and 304 for who has it already.

It knows nothing of what is answered; the reading is done either way, the sending is saved.
"""

from __future__ import annotations

import hashlib
import json

from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder


def conditional(request: Request, data: object) -> Response:
    """`data` with its ETag; 304 without a body where If-None-Match names it.

    The tag is of the content and not of the number of the last change: a name that somebody changes, or a person who
    leaves, takes no such number. The reader is in it too, so that no two ever share one.
    """
    text = json.dumps([request.user.pk, data], cls=JSONEncoder, sort_keys=True)
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    # no-cache: keep it, but ask each time; private: what one person may see is not for a shared cache.
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = [one.removeprefix("W/") for one in parse_etags(request.headers.get("If-None-Match", ""))]
    if tag in known or "*" in known:
        return Response(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(data, headers=headers)
