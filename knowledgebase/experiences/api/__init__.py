"""The API of this app below /api/v1/: thin doors to services and selectors, one noun a file."""

from knowledgebase.experiences.api.experiences import (
    ExperienceDetail,
    ExperienceList,
    ExperiencePublication,
    RunList,
)
from knowledgebase.experiences.api.exporting import ExperienceExport
from knowledgebase.experiences.api.nouns import (
    LanguageModelDetail,
    LanguageModelList,
    StatisticsView,
    SystemDetail,
    SystemList,
)
from knowledgebase.experiences.api.tasks import Neighbours, TaskDetail, TaskLeaderboard, TaskList

__all__ = [
    "ExperienceDetail",
    "ExperienceExport",
    "ExperienceList",
    "ExperiencePublication",
    "LanguageModelDetail",
    "LanguageModelList",
    "Neighbours",
    "RunList",
    "StatisticsView",
    "SystemDetail",
    "SystemList",
    "TaskDetail",
    "TaskLeaderboard",
    "TaskList",
]
