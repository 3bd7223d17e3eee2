"""The pages of searches: the list, one search, and the way to a new one."""

from knowledgebase.searches.pages.new import choose_columns, choose_data, set_up
from knowledgebase.searches.pages.priors import prior_explorer
from knowledgebase.searches.pages.searches import cancel, detail, index, live

__all__ = ["cancel", "choose_columns", "choose_data", "detail", "index", "live", "prior_explorer", "set_up"]
