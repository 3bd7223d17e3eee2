"""Log fine-tuning runs as experiences. Importing this starts nothing: no thread, no exit hook.

Start with `TuneLoreCallback`; `tunelore.record` and `tunelore.describe` are what hubs use.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tunelore.callback import TuneLoreCallback

__version__ = "0.1.0"
__all__ = ["TuneLoreCallback", "__version__"]


def __getattr__(name: str) -> Any:
    """The callback is looked up when it is asked for, so that the record alone costs little to import."""
    if name == "TuneLoreCallback":
        from tunelore.callback import TuneLoreCallback

        return TuneLoreCallback
    raise AttributeError(f"module 'tunelore' has no attribute {name!r}; it exports {', '.join(__all__)}")
