"""Conformance suites for samplers, and small invented worlds to try them in.

Knows no test runner: a suite is a plain class with `test_*` methods. Start at `SamplerSuite`.
"""

from automl.testing.samplers import SamplerSuite
from automl.testing.worlds import World

__all__ = ["SamplerSuite", "World"]
