"""The sampler "expert": what the papers of BERT, LoRA and others recommend, checkpoint by checkpoint.

Knows a table that a person can read and edit (option `rules`), no store and no history; when the table is used
up its draws are uniform. Values that a space does not allow become the nearest that it does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from automl.errors import SamplerError
from automl.samplers.base import Sampler, Setting, known_options
from automl.samplers.uniform import fresh_uniform
from automl.space import Choice, Flag, Integer, Method, Parameter, Real
from automl.values import TRAIN_FRACTION, Outcome, Pipeline, Proposal, Scalar

Rules = Mapping[str, Sequence[Mapping[str, Scalar]]]

#: Of all rows of a method.
COMMON: Mapping[str, Scalar] = {
    "warmup_share": 0.1,
    "weight_decay": 0.01,
    "max_length": 128,
    "class_weights": False,
    TRAIN_FRACTION: 1,
}
#: method -> settings, first choice first. full: Devlin et al. 2019, appendix A.3 (rates, batches, epochs; decay
#: and warm-up of its section A.2). lora: Hu et al. 2022, table 9 (GLUE: rank 8, alpha 8 for base and 16 for large
#: checkpoints, rates 2e-4 to 5e-4), dropout as in Dettmers et al. 2023. partial: Lee et al. 2019, training the last
#: quarter of the layers is nearly enough. probe and linear: the usual defaults of logistic regression.
RULES: Rules = {
    "full": [
        {"learning_rate": 2e-5, "epochs": 3, "batch_size": 32},
        {"learning_rate": 5e-5, "epochs": 3, "batch_size": 16},
        {"learning_rate": 3e-5, "epochs": 4, "batch_size": 16},
    ],
    "lora": [
        {
            "learning_rate": 4e-4,
            "epochs": 10,
            "batch_size": 16,
            "lora_r": 8,
            "lora_alpha": 8,
            "lora_dropout": 0.1,
        },
        {
            "learning_rate": 5e-4,
            "epochs": 10,
            "batch_size": 32,
            "lora_r": 8,
            "lora_alpha": 8,
            "lora_dropout": 0.0,
        },
        {
            "learning_rate": 2e-4,
            "epochs": 10,
            "batch_size": 16,
            "lora_r": 8,
            "lora_alpha": 16,
            "lora_dropout": 0.1,
        },
    ],
    "partial": [
        {"learning_rate": 5e-5, "epochs": 4, "batch_size": 16, "frozen_share": 0.75},
        {"learning_rate": 5e-5, "epochs": 4, "batch_size": 16, "frozen_share": 0.5},
    ],
    "probe": [{"c": 1.0, "pooling": "mean", "batch_size": 32}],
    "linear": [{"c": 1.0, "ngrams": "word", "ngram_max": 2, "min_df": 1, "sublinear_tf": True}],
}


class ExpertSampler(Sampler):
    """Every method's first row on every language model, then the second, and so on; option `rules` replaces
    the table.

    SamplerError for rules of another shape, or with none for any method of the space.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        known_options("expert", setting.options, ("rules",))
        rules = _read(setting.options.get("rules", RULES))
        self.listed = list({item.key(): item for item in self._listed(rules)}.values())
        if not self.listed:
            names = [method.name for method in setting.space.methods]
            raise SamplerError(
                f"the rules have no row for any of the methods {names}; got rules for {sorted(rules)}"
            )

    def _listed(self, rules: Rules) -> list[Pipeline]:
        found = []
        for turn in range(max((len(rows) for rows in rules.values()), default=0)):
            for method in self.space.methods:
                rows = rules.get(method.name, rules.get(method.recorded_as, ()))
                if turn < len(rows):
                    found += self._everywhere(method, rows[turn])
        return found

    def _everywhere(self, method: Method, row: Mapping[str, Scalar]) -> list[Pipeline]:
        wanted = {**COMMON, **row}
        values = {name: nearest_allowed(item, wanted.get(name)) for name, item in method.parameters.items()}
        models = self.space.models_of(method) if method.needs_language_model else (None,)
        return [Pipeline(method.name, method.kept(values), model, self.space.name) for model in models]

    def learn(self, history: Sequence[Outcome]) -> None:
        """Nothing to learn."""

    def propose(self, number: int, taken: Set[str]) -> Proposal | None:
        """The next row of the table that is not taken; then uniform draws."""
        for pipeline in self.listed:
            if pipeline.key() not in taken:
                return Proposal(number, pipeline, "listed")
        uniform = fresh_uniform(self.space, self.generator(number), taken)
        return None if uniform is None else Proposal(number, uniform, "uniform")

    def log_weights(self, pipelines: Sequence[Pipeline]) -> NDArray[np.float64]:
        """(n,) zeros: the order is fixed and prefers nothing."""
        return np.zeros(len(pipelines))


def nearest_allowed(parameter: Parameter, wanted: Scalar) -> Scalar:
    """The wanted value where the parameter allows it; else the nearest number, the middle for any other."""
    if parameter.reason(wanted) is None:
        return wanted
    number = isinstance(wanted, int | float) and not isinstance(wanted, bool) and math.isfinite(wanted)
    if isinstance(parameter, Real | Integer) and number:
        kept = min(max(float(wanted or 0), parameter.low), parameter.high)
        return round(kept) if isinstance(parameter, Integer) else kept
    if isinstance(parameter, Choice) and number:
        numbers = [
            one for one in parameter.options if isinstance(one, int | float) and not isinstance(one, bool)
        ]
        if numbers:
            return min(numbers, key=lambda one: abs(one - float(wanted or 0)))
    return False if isinstance(parameter, Flag) else parameter.from_unit(0.5)


def _read(given: object) -> Rules:
    if not isinstance(given, Mapping):
        raise SamplerError(f"rules must map methods to lists of settings, got {given!r}"[:300])
    for method, rows in given.items():
        listed = isinstance(rows, Sequence) and not isinstance(rows, str)
        if not listed or not all(isinstance(row, Mapping) for row in rows):
            raise SamplerError(f"rules.{method} must be a list of objects, got {rows!r}"[:300])
    return given
