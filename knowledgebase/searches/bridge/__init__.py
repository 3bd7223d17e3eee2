"""Where rows become the library's values and back; with the jobs, the only door to `automl`.

It writes no row. Services see plain values: Start, SearchContext, DatasetFacts, Ending, Refused.
"""

from knowledgebase.searches.bridge.asked import AskedRows, asked_rows
from knowledgebase.searches.bridge.curves import STOPPING_RULES
from knowledgebase.searches.bridge.datasets import DatasetFacts, arriving_bytes, read_dataset
from knowledgebase.searches.bridge.drawing import draw_lists
from knowledgebase.searches.bridge.engine import (
    SearchContext,
    Start,
    load_context,
    prepare_start,
    propose,
)
from knowledgebase.searches.bridge.explorer import (
    SEARCHED_KINDS,
    UTILITY_NAMES,
    Moved,
    Question,
    explore_prior,
)
from knowledgebase.searches.bridge.feasible import Recorded, moved
from knowledgebase.searches.bridge.gating import GateReport, check_gate, gate_report
from knowledgebase.searches.bridge.names import (
    Choice,
    builtin_choices,
    language_model_choices,
    measured,
    method_names,
    names_its_models,
    space_names,
)
from knowledgebase.searches.bridge.preview import Note, Preview, preview_upload
from knowledgebase.searches.bridge.records import Ending
from knowledgebase.searches.bridge.refusal import Refused
from knowledgebase.searches.bridge.running import lost_ending, run_pipeline, trial_script
from knowledgebase.searches.bridge.spaces import LONGEST_TEXT, OwnSpace, own_space, space_data, space_text

__all__ = [
    "LONGEST_TEXT",
    "SEARCHED_KINDS",
    "STOPPING_RULES",
    "UTILITY_NAMES",
    "AskedRows",
    "Choice",
    "DatasetFacts",
    "Ending",
    "GateReport",
    "Moved",
    "Note",
    "OwnSpace",
    "Preview",
    "Question",
    "Recorded",
    "Refused",
    "SearchContext",
    "Start",
    "arriving_bytes",
    "asked_rows",
    "builtin_choices",
    "check_gate",
    "draw_lists",
    "explore_prior",
    "gate_report",
    "language_model_choices",
    "load_context",
    "lost_ending",
    "measured",
    "method_names",
    "moved",
    "names_its_models",
    "own_space",
    "prepare_start",
    "preview_upload",
    "propose",
    "read_dataset",
    "run_pipeline",
    "space_data",
    "space_names",
    "space_text",
    "trial_script",
]
