"""Writes of datasets, searches and trials: every door (API, page, job, command) calls these functions.

They know nothing of HTTP and nothing of how pipelines are proposed or run.
"""

from knowledgebase.searches.services.advance import advance_search
from knowledgebase.searches.services.datasets import (
    COLUMNS,
    PLAIN_FORMATS,
    create_dataset,
    discard_orphans,
    resolve_dataset,
    store_upload,
)
from knowledgebase.searches.services.deletion import delete_dataset, delete_search
from knowledgebase.searches.services.drain import drain_searches
from knowledgebase.searches.services.estimate import Estimate, estimate_search
from knowledgebase.searches.services.launch import (
    SearchRequest,
    cancel_search,
    check_request,
    launch_search,
)
from knowledgebase.searches.services.reading import read_apart, read_or_start
from knowledgebase.searches.services.running import run_trial
from knowledgebase.searches.services.sweep import resend_queued, sweep
from knowledgebase.searches.services.trials import beat_trial, claim_trial, finish_trial, release_trial

__all__ = [
    "COLUMNS",
    "PLAIN_FORMATS",
    "Estimate",
    "SearchRequest",
    "advance_search",
    "beat_trial",
    "cancel_search",
    "check_request",
    "claim_trial",
    "create_dataset",
    "delete_dataset",
    "delete_search",
    "discard_orphans",
    "drain_searches",
    "estimate_search",
    "finish_trial",
    "launch_search",
    "read_apart",
    "read_or_start",
    "release_trial",
    "resend_queued",
    "resolve_dataset",
    "run_trial",
    "store_upload",
    "sweep",
]
