"""Log fine-tuning runs as experiences. Importing this starts nothing: no thread, no exit hook.

Start with `TuneLoreCallback` for a Trainer and with `run` without one; `wrap` also sees exceptions that a script
catches. `Hub` asks a hub what is known, and launches searches there. `tunelore.record` and `tunelore.describe` are
what hubs use.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tunelore.callback import TuneLoreCallback, wrap
    from tunelore.hub import Hub
    from tunelore.plain import LoggedRun, run

__version__ = "0.1.0"
__all__ = ["Hub", "LoggedRun", "TuneLoreCallback", "__version__", "run", "wrap"]
_HOMES = {
    "TuneLoreCallback": "tunelore.callback",
    "Hub": "tunelore.hub",
    "LoggedRun": "tunelore.plain",
    "run": "tunelore.plain",
    "wrap": "tunelore.callback",
}


def __getattr__(name: str) -> Any:
    """Names are looked up when they are asked for, so that the record alone costs little to import."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'tunelore' has no attribute {name!r}; it exports {', '.join(__all__)}")
