"""Pages, style sheets and scripts leave gzipped; it knows no page, and leaves the API and packed files alone."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

TEXTS = ("text/html", "text/css", "text/javascript", "image/svg+xml")


class TextCompression(GZipMiddleware):
    """Middleware: whole answers of text that a browser shows; Django pads them so that their length tells nothing.

    Answers of the API keep their strong ETags; fonts and pictures are packed already; parts of files stay as they are.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        kind = response.get("Content-Type", "").partition(";")[0]
        if response.status_code != 200 or kind not in TEXTS or request.path.startswith("/api/"):
            return response
        return super().process_response(request, response)
