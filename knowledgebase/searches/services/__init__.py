"""Writes of datasets, searches and trials: every door (API, page, job, command) calls these functions.

They know nothing of HTTP and nothing of how pipelines are proposed or run.
"""

from knowledgebase.searches.services.advance import advance_search
from knowledgebase.searches.services.datasets import create_dataset, resolve_dataset, store_upload
from knowledgebase.searches.services.drain import drain_searches
from knowledgebase.searches.services.launch import SearchRequest, cancel_search, launch_search
from knowledgebase.searches.services.running import run_trial
from knowledgebase.searches.services.sweep import resend_queued, sweep
from knowledgebase.searches.services.trials import beat_trial, claim_trial, finish_trial, release_trial

__all__ = [
    "SearchRequest",
    "advance_search",
    "beat_trial",
    "cancel_search",
    "claim_trial",
    "create_dataset",
    "drain_searches",
    "finish_trial",
    "launch_search",
    "release_trial",
    "resend_queued",
    "resolve_dataset",
    "run_trial",
    "store_upload",
    "sweep",
]
