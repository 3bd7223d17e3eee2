"""Ready-made spaces, one per file."""

from automl.spaces.tunelore import tunelore

__all__ = ["tunelore"]
