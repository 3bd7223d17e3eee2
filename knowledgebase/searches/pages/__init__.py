"""The pages of searches: the list, one search and its trials, and the way to a new one."""

from knowledgebase.searches.pages.deleting import delete, delete_dataset
from knowledgebase.searches.pages.new_columns import choose_columns
from knowledgebase.searches.pages.new_data import choose_data
from knowledgebase.searches.pages.new_search import estimate, set_up
from knowledgebase.searches.pages.priors import prior_explorer
from knowledgebase.searches.pages.searches import cancel, detail, index, live
from knowledgebase.searches.pages.trials import trial

__all__ = [
    "cancel",
    "choose_columns",
    "choose_data",
    "delete",
    "delete_dataset",
    "detail",
    "estimate",
    "index",
    "live",
    "prior_explorer",
    "set_up",
    "trial",
]
