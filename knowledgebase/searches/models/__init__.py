"""The tables of searches: Dataset, Search, Trial."""

from knowledgebase.searches.models.dataset import Dataset
from knowledgebase.searches.models.search import Search
from knowledgebase.searches.models.trial import Trial

__all__ = ["Dataset", "Search", "Trial"]
