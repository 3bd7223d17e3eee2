"""Reads of datasets, searches and trials for API and pages; they write nothing and know no sampler.

`searches` holds the searches with their reports, `reasons` what was said for trials.
"""

from knowledgebase.searches.selectors.reasons import Sources, visible_sources
from knowledgebase.searches.selectors.searches import (
    ColdTwin,
    FrontPoint,
    NeighbourTask,
    RunningTrial,
    SearchReport,
    Shift,
    best_trial,
    cold_twin,
    dataset_detail,
    dataset_list,
    front_of,
    may_cancel,
    prior_experiences,
    prior_neighbours,
    search_detail,
    search_list,
    search_report,
    searches_on,
    seconds_used,
    time_left,
    trial_list,
    unfinished_first,
)

__all__ = [
    "ColdTwin",
    "FrontPoint",
    "NeighbourTask",
    "RunningTrial",
    "SearchReport",
    "Shift",
    "Sources",
    "best_trial",
    "cold_twin",
    "dataset_detail",
    "dataset_list",
    "front_of",
    "may_cancel",
    "prior_experiences",
    "prior_neighbours",
    "search_detail",
    "search_list",
    "search_report",
    "searches_on",
    "seconds_used",
    "time_left",
    "trial_list",
    "unfinished_first",
    "visible_sources",
]
