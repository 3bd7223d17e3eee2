"""Priors: from a store of evidence to a model that a search starts from.

Knows no search and no storage. Start at `build_prior`.
"""

from automl.priors.decisions import Decisions
from automl.priors.defects import NINE, Defects
from automl.priors.memory import Facts, Memory, remember
from automl.priors.model import Gaussian, Model, Shares, Truth, Weights
from automl.priors.named import PRIORS, prior_options
from automl.priors.options import PriorOptions
from automl.priors.prior import Prior, build_prior, replay
from automl.priors.rates import Rate, decay, negative_rates, positive_rates
from automl.priors.utilities import utilities

__all__ = [
    "NINE",
    "PRIORS",
    "Decisions",
    "Defects",
    "Facts",
    "Gaussian",
    "Memory",
    "Model",
    "Prior",
    "PriorOptions",
    "Rate",
    "Shares",
    "Truth",
    "Weights",
    "build_prior",
    "decay",
    "negative_rates",
    "positive_rates",
    "prior_options",
    "remember",
    "replay",
    "utilities",
]
