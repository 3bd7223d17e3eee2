"""What every page's frame needs: theme, section, hub name and version; it does not know the page."""

from importlib.metadata import PackageNotFoundError, version

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

THEMES = ("light", "dark")
# Pages of the store that stand in the navigation beside its list.
SECTIONS = {"tasks": "tasks", "task-map": "tasks", "language-models": "language-models"}


def hub_version() -> str:
    """The version of the installed hub, or "" where it runs from a checkout that was not installed."""
    try:
        return version("tunelore-hub")
    except PackageNotFoundError:
        return ""


def theme_of(request: HttpRequest) -> str:
    """The theme the visitor chose, or "" to follow the system."""
    chosen = request.COOKIES.get("theme", "")
    return chosen if chosen in THEMES else ""


def host_of(request: HttpRequest) -> str:
    """The name the visitor knows the hub by, or "" where they used one that is not its own."""
    try:
        return request.get_host()
    except DisallowedHost:
        return ""


def section_of(request: HttpRequest) -> str:
    """The entry of the navigation that a page belongs to."""
    first, _, rest = request.path.strip("/").partition("/")
    return SECTIONS.get(rest.partition("/")[0], first) if first == "experiences" else first


def frame(request: HttpRequest) -> dict[str, object]:
    """Template context of the frame."""
    return {
        "theme": theme_of(request),
        "section": section_of(request),
        "hub_name": host_of(request),
        "hub_version": hub_version(),
        "here": request.get_full_path(),
    }
