"""The gate: what a sampler proposes is skipped when it will most likely fail or end below what is known already.

Knows a sampler, a prior and a history; knows no runner and no storage. Start at `Gate` and `GateOptions`. After the
experience-guided gate of Estevanell-Valladares (2024), "Improving AutoML for LLMs via Knowledge-Based Meta-Learning",
section 3.3, with two changes that were measured (tests/bench/bench_gate.py): a proposal is compared with runs that
are at least as quick, and a share of what is refused is run all the same.
"""

from automl.gate.gate import Gate, Picked
from automl.gate.options import RULES, GateOptions
from automl.gate.pooled import PoolPredictor, predictor_of
from automl.gate.prediction import Foresight, Prediction, Predictor
from automl.gate.verdict import Decision, Verdict, contradicted

__all__ = [
    "RULES",
    "Decision",
    "Foresight",
    "Gate",
    "GateOptions",
    "Picked",
    "PoolPredictor",
    "Prediction",
    "Predictor",
    "Verdict",
    "contradicted",
    "predictor_of",
]
