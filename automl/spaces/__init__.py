"""Ready-made spaces, one per file, and spaces that people write.

Knows no sampler and no runner. Start at `preset` (by name) and `read_space` (from a file).
"""

from automl.spaces.answers import answers
from automl.spaces.documents import data_of, write_space
from automl.spaces.presets import PRESETS, over, preset, read_space, space_from
from automl.spaces.tunelore import tunelore

__all__ = [
    "PRESETS",
    "answers",
    "data_of",
    "over",
    "preset",
    "read_space",
    "space_from",
    "tunelore",
    "write_space",
]
