"""What a pipeline needs on a task: bytes and seconds from first principles, corrected by experience.

`needs` counts weights, activations and operations and knows no run; `correction` learns from runs by how much
the counts are off; `forecast` joins both for pipelines on tasks. docs/estimators.md says how far off they are.
"""

from automl.estimators.feasibility.forecast import Feasibility, Forecasts, fit_feasibility

__all__ = ["Feasibility", "Forecasts", "fit_feasibility"]
