"""Reads of datasets, searches and trials for API and pages; they write nothing and know no sampler.

`searches` holds the searches with their reports, `fronts` their best trials, `reasons` what was said for trials.
"""

from knowledgebase.searches.selectors.deletion import (
    DatasetContents,
    SearchContents,
    dataset_contents,
    deletable_datasets,
    may_delete_dataset,
    search_contents,
)
from knowledgebase.searches.selectors.fronts import USUAL_OBJECTIVES, FrontPoint, best_trial, front_of
from knowledgebase.searches.selectors.reasons import Sources, visible_sources
from knowledgebase.searches.selectors.searches import (
    ColdTwin,
    NeighbourTask,
    RunningTrial,
    SearchReport,
    Shift,
    cold_twin,
    dataset_detail,
    dataset_list,
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
    "USUAL_OBJECTIVES",
    "ColdTwin",
    "DatasetContents",
    "FrontPoint",
    "NeighbourTask",
    "RunningTrial",
    "SearchContents",
    "SearchReport",
    "Shift",
    "Sources",
    "best_trial",
    "cold_twin",
    "dataset_contents",
    "dataset_detail",
    "dataset_list",
    "deletable_datasets",
    "front_of",
    "may_cancel",
    "may_delete_dataset",
    "prior_experiences",
    "prior_neighbours",
    "search_contents",
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
