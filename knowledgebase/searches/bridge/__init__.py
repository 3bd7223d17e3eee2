"""Where rows become the library's values and back; with the jobs, the only door to `automl`.

It writes no row. Services see plain values: Start, SearchContext, DatasetFacts, Ending, Refused.
"""

from knowledgebase.searches.bridge.datasets import DatasetFacts, read_dataset
from knowledgebase.searches.bridge.drawing import draw_pipelines
from knowledgebase.searches.bridge.engine import SearchContext, Start, load_context, prepare_start, propose
from knowledgebase.searches.bridge.records import Ending
from knowledgebase.searches.bridge.refusal import Refused
from knowledgebase.searches.bridge.running import lost_ending, run_pipeline, trial_script

__all__ = [
    "DatasetFacts",
    "Ending",
    "Refused",
    "SearchContext",
    "Start",
    "draw_pipelines",
    "load_context",
    "lost_ending",
    "prepare_start",
    "propose",
    "read_dataset",
    "run_pipeline",
    "trial_script",
]
