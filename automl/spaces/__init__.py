"""Ready-made spaces, one per file."""

from automl.spaces.answers import answers
from automl.spaces.tunelore import tunelore

__all__ = ["answers", "tunelore"]
