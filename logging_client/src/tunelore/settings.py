"""Where runs wait and where they go: arguments before environment before defaults. Reads nothing at import."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tunelore import trouble

MODES = ("online", "offline", "disabled")
VISIBILITIES = ("private", "team")


@dataclass(frozen=True)
class Settings:
    """`url` is None where nothing may be sent; the token is never written anywhere."""

    spool: Path
    url: str | None = None
    token: str | None = field(default=None, repr=False)
    mode: str = "online"
    exit_s: float = 2.0
    visibility: str | None = None

    @property
    def sends(self) -> bool:
        """Whether there is a hub to talk to."""
        return self.mode == "online" and self.url is not None


def read_settings(
    url: str | None = None,
    token: str | None = None,
    spool: str | os.PathLike[str] | None = None,
    exit_s: float = 2.0,
) -> Settings:
    """Settings from arguments, else TUNELORE_URL, TUNELORE_TOKEN, TUNELORE_SPOOL, TUNELORE_MODE, TUNELORE_VISIBILITY.

    Never raises: a wrong value is a counted trouble, and runs then wait in the spool.
    """
    mode = os.environ.get("TUNELORE_MODE", "").strip().lower() or "online"
    if mode not in MODES:
        trouble.note(
            "settings", f"TUNELORE_MODE is {mode!r}, not one of {', '.join(MODES)}; taken as offline"
        )
        mode = "offline"
    folder = spool or os.environ.get("TUNELORE_SPOOL") or Path("~", ".tunelore", "spool")
    return Settings(
        spool=_expanded(Path(folder)),
        url=_checked(url or os.environ.get("TUNELORE_URL")),
        token=(token or os.environ.get("TUNELORE_TOKEN") or "").strip() or None,
        mode=mode,
        exit_s=exit_s,
        visibility=_visibility(os.environ.get("TUNELORE_VISIBILITY")),
    )


def _visibility(text: str | None) -> str | None:
    wanted = (text or "").strip().lower()
    if wanted and wanted not in VISIBILITIES:
        trouble.note(
            "settings",
            f"TUNELORE_VISIBILITY is {wanted[:40]!r}, not one of {', '.join(VISIBILITIES)}; taken as private",
        )
        return "private"
    return wanted or None


def _expanded(folder: Path) -> Path:
    try:
        return folder.expanduser()
    except RuntimeError:  # no home at all, as in some containers
        return folder


def is_address(url: str) -> bool:
    """Whether this can be the address of a hub."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _checked(url: str | None) -> str | None:
    text = (url or "").strip().rstrip("/")
    if not text:
        return None
    if not is_address(text):
        trouble.note(
            "settings",
            f"the hub's address is {text[:80]!r}; it must start with http:// or https://: mend TUNELORE_URL and send "
            "what waits with `tunelore sync`",
        )
        return None
    parts = urlsplit(text)
    if parts.username or parts.password:
        trouble.note(
            "settings",
            "the hub's address holds a name or password, which is left out; give the token in TUNELORE_TOKEN",
        )
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return text
