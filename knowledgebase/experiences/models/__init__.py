"""The tables of the store, one noun a file."""

from knowledgebase.experiences.models.change import ChangeCounter, Tombstone
from knowledgebase.experiences.models.description import LanguageModelDescription, TaskDescription
from knowledgebase.experiences.models.experience import Experience
from knowledgebase.experiences.models.language_model import LanguageModel
from knowledgebase.experiences.models.numbers import NUMBERS, RecordNumber, numbers_of
from knowledgebase.experiences.models.pipeline import Pipeline
from knowledgebase.experiences.models.run import Run
from knowledgebase.experiences.models.system import System
from knowledgebase.experiences.models.task import Task

__all__ = [
    "NUMBERS",
    "ChangeCounter",
    "Experience",
    "LanguageModel",
    "LanguageModelDescription",
    "Pipeline",
    "RecordNumber",
    "Run",
    "System",
    "Task",
    "TaskDescription",
    "Tombstone",
    "numbers_of",
]
