"""The conditional search space: method, then language model, then the hyper-parameters of that method.

Knows no sampler and no particular space (those are in `automl.spaces`). Start at `Space`, `Method` and the
four parameter kinds; `read_configspace` and its like are an exchange format and need ConfigSpace.
"""

from automl.space.exchange import (
    from_configspace,
    read_configspace,
    to_configspace,
    write_configspace,
)
from automl.space.methods import Condition, Method
from automl.space.parameters import Choice, Flag, Integer, Parameter, Real
from automl.space.space import Space

__all__ = [
    "Choice",
    "Condition",
    "Flag",
    "Integer",
    "Method",
    "Parameter",
    "Real",
    "Space",
    "from_configspace",
    "read_configspace",
    "to_configspace",
    "write_configspace",
]
