"""The API of this app below /api/v1/: thin doors to services, selectors and the bridge."""

from knowledgebase.searches.api.priors import Priors
from knowledgebase.searches.api.searches import (
    DatasetDetail,
    DatasetList,
    SearchCancel,
    SearchDetail,
    SearchList,
    SearchPrior,
    SearchScript,
    TrialList,
)

__all__ = [
    "DatasetDetail",
    "DatasetList",
    "Priors",
    "SearchCancel",
    "SearchDetail",
    "SearchList",
    "SearchPrior",
    "SearchScript",
    "TrialList",
]
