"""Writes of the store. Every way in (upload, search, import, peer) goes through record_experiences.

They know nothing of HTTP.
"""

from knowledgebase.experiences.services.deletion import delete_experience, delete_experiences
from knowledgebase.experiences.services.importing import Owner, Report, import_sources
from knowledgebase.experiences.services.publishing import (
    AUDIENCES,
    Publication,
    Telling,
    publication_of,
    publications_of,
    publish_experience,
    publish_experiences,
)
from knowledgebase.experiences.services.recording import ItemResult, record_experiences
from knowledgebase.experiences.services.runs import expire_silent_runs, note_run
from knowledgebase.experiences.services.sharing import (
    known_visibility,
    may_share,
    narrow_experience,
    own_experiences,
    sendable_visibility,
)

__all__ = [
    "AUDIENCES",
    "ItemResult",
    "Owner",
    "Publication",
    "Report",
    "Telling",
    "delete_experience",
    "delete_experiences",
    "expire_silent_runs",
    "import_sources",
    "known_visibility",
    "may_share",
    "narrow_experience",
    "note_run",
    "own_experiences",
    "publication_of",
    "publications_of",
    "publish_experience",
    "publish_experiences",
    "record_experiences",
    "sendable_visibility",
]
