"""The pages of the store, one file a noun."""

from knowledgebase.experiences.pages.compare import compare
from knowledgebase.experiences.pages.detail import detail
from knowledgebase.experiences.pages.index import index
from knowledgebase.experiences.pages.language_models import language_model_detail, language_model_index
from knowledgebase.experiences.pages.publish import publish, publish_selected
from knowledgebase.experiences.pages.scatter import scatter
from knowledgebase.experiences.pages.taking_back import delete, withdraw
from knowledgebase.experiences.pages.tasks import task_detail, task_index, task_map

__all__ = [
    "compare",
    "delete",
    "detail",
    "index",
    "language_model_detail",
    "language_model_index",
    "publish",
    "publish_selected",
    "scatter",
    "task_detail",
    "task_index",
    "task_map",
    "withdraw",
]
