"""What programs ask of the node."""

import urllib.request

from scripts.offline.counter import API, Counter
from scripts.offline.frame import drives, hold


def text_of(counter: Counter, path: str) -> str:
    """Get something as text."""
    with urllib.request.urlopen(f"{counter.url}{path}", timeout=30) as reply:  # noqa: S310 - our own address
        return str(reply.read().decode())


@drives("machine.files")
def files(counter: Counter) -> None:
    """The service worker and the words."""
    hold("/till/" in text_of(counter, "/till/sw.js"), "the worker names its files")
    hold("zh" in text_of(counter, f"{API}/words"), "the words")


@drives("machine.health")
def health(counter: Counter) -> None:
    """The node says that it can sell, and gives its figures."""
    hold(counter.stranger().ask("GET", f"{API}/health").fine, "it can sell")
    hold("zhanggui_edge" in text_of(counter, "/metrics"), "its figures")


@drives("machine.openapi")
def openapi(counter: Counter) -> None:
    """The description of the API."""
    hold("paths" in text_of(counter, f"{API}/openapi.json"), "the document")
