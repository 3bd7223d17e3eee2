"""Every address of the hub: pages at the root, the API below /api/v1/.

Each app brings its own lists; this file only says where they hang.
"""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView

from knowledgebase.accounts import urls as accounts
from knowledgebase.experiences import urls as experiences
from knowledgebase.searches import urls as searches
from knowledgebase.web import urls as web

api = [
    *accounts.api_urls,
    *experiences.api_urls,
    *searches.api_urls,
    *web.api_urls,
    path("schema/", SpectacularJSONAPIView.as_view(), name="schema"),
]

urlpatterns = [
    path("api/v1/", include((api, "api"))),
    path("experiences/", include((experiences.page_urls, "experiences"))),
    path("searches/", include((searches.page_urls, "searches"))),
    path("accounts/", include((accounts.page_urls, "accounts"))),
    path("", include((web.page_urls, "web"))),
]
handler400 = "knowledgebase.web.errors.bad_request"
handler403 = "knowledgebase.web.errors.not_found"
handler404 = "knowledgebase.web.errors.not_found"
handler500 = "knowledgebase.web.errors.failed"
