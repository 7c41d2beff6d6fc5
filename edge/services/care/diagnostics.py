"""`zhanggui-edge diagnostics`: a bundle for whoever helps from afar, with everything personal and secret left out.

What goes in is chosen, not filtered: no table's content, no key, no enrolment, no PIN, no receipt. What is text of other
hands (log lines, error sentences, settings) is cleaned as well, by the rules of the log and by the node's own secrets.
"""

import importlib.metadata
import json
import platform
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from edge.services.node import VERSION
from edge.settings import EdgeSettings
from sync.node import logs

LOG_LINES_MAX: Final = 2_000
LOG_BYTES_MAX: Final = 2_000_000
SECRET_CHARS_MIN: Final = 4
REMOVED: Final = "<removed>"
_SECRET_FILES: Final = ("keys.json", "enrolment.json", "cashier-pin.txt")
_PACKAGES: Final = (
    "cheroot",
    "flask",
    "msgspec",
    "paho-mqtt",
    "pyserial",
    "python-escpos",
    "pyudev",
    "pyusb",
    "pyscard",
    "sqlcipher3",
)
_NO_SECRETS: Final = frozenset(
    {"tenant", "store", "epoch", "node", "name", "zh", "en", "host", "port", "username", "public_url"}
)
"""Names in those files whose values are known to the whole house."""
_SECRET_WORDS: Final = re.compile(
    r"(?i)\b(pin|password|passwd|token|secret|cookie|authorization|private[_ ]?key|api[_ ]?key|track\d?)\b(\s*[=:]\s*|\s+)\S+"
)
_IN_ADDRESS: Final = re.compile(r"(?<=://)[^/@\s]+@")
# Eleven digits and more, also when a person or a card groups them.
_GROUPED_DIGITS: Final = re.compile(r"(?<![0-9a-fA-F])\d(?:[ -]?\d){10,24}(?![0-9a-fA-F])")
_ABOUT: Final = """What this bundle holds, and nothing else:

{files}

Left out: sales, members, receipts, cashiers, keys, grants, PINs. Runs of 11 and more digits, named secrets and the node's
own secrets are replaced in every file.
"""


def write(
    out: Path,
    settings: EdgeSettings,
    seen: Mapping[str, Any],
    report: Mapping[str, Any],
    cleaner: "Cleaner | None" = None,
) -> list[str]:
    """Write the bundle; gives the names of its files.

    Args:
        out: the file; one that is there is replaced.
        settings: the node's settings.
        seen: of `doctor.seen_by` or `doctor.seen_outside`.
        report: of `doctor.as_json`.
        cleaner: what takes secrets out; None = one that knows those in the node's folder.

    Raises:
        OSError: it cannot be written there.
    """
    folder = Path(settings.data_dir)
    clean = cleaner or Cleaner(own_secrets(folder))
    texts = {
        "versions.json": _json(_versions()),
        "settings.json": _json(clean.tree(msgspec.to_builtins(settings))),
        "node.json": _json(clean.tree(dict(seen))),
        "doctor.json": _json(clean.tree(dict(report))),
        "files.json": _json(_sizes(folder)),
        "log.jsonl": "".join(f"{clean.line(line)}\n" for line in _last_lines(folder)),
    }
    about = _ABOUT.format(files="\n".join(f"{name}  {len(text.encode())} bytes" for name, text in texts.items()))
    names = ["about.txt", *texts]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("about.txt", about)
        for name, text in texts.items():
            bundle.writestr(name, text)
    return names


class Cleaner:
    """Takes secrets out of what other hands wrote."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first: a part of a secret that is replaced first would leave the rest.
        self._secrets = sorted({each for each in secrets if len(each) >= SECRET_CHARS_MIN}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Clean a text."""
        for secret in self._secrets:
            text = text.replace(secret, REMOVED)
        text = _IN_ADDRESS.sub(f"{REMOVED}@", text)
        text = _SECRET_WORDS.sub(lambda found: f"{found[1]}{found[2]}{REMOVED}", text)
        return logs.redact(_GROUPED_DIGITS.sub(_masked, text))

    def tree(self, value: object, name: str = "") -> Any:  # noqa: ANN401 - JSON data
        """Clean JSON data: values under the name of a secret go whole."""
        if name.lower() in logs.SECRET_FIELDS:
            # What says which kind of trouble it is happens to be called a code, too.
            return value if name == "code" and isinstance(value, str) and value.replace("_", "").isalpha() else REMOVED
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {str(key): self.tree(inner, str(key)) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.tree(inner) for inner in value]
        return value

    def line(self, line: str) -> str:
        """Clean a line of the log."""
        try:
            return json.dumps(self.tree(json.loads(line)), ensure_ascii=False)
        except ValueError:
            # A line that broke off is worth reading still.
            return self.text(line)


def _masked(found: re.Match[str]) -> str:
    return f"<{sum(sign.isdigit() for sign in found[0])} digits>"


def _versions() -> dict[str, str]:
    return {
        "zhanggui": VERSION,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        **{name: _version_of(name) for name in _PACKAGES},
    }


def _version_of(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _sizes(folder: Path) -> dict[str, int]:
    if not folder.is_dir():
        return {}
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}


def _last_lines(folder: Path) -> list[str]:
    """Give the last lines of the log, over its two newest files."""
    lines: list[str] = []
    for name in ("log.jsonl.1", "log.jsonl"):
        path = folder / name
        if path.exists():
            with path.open("rb") as log:
                log.seek(max(0, path.stat().st_size - LOG_BYTES_MAX))
                lines += log.read().decode("utf-8", "replace").splitlines()
    return lines[-LOG_LINES_MAX:]


def own_secrets(folder: Path) -> list[str]:
    """Collect what stands in the node's secret files, so that it is found wherever else it may have got."""
    found: list[str] = []
    for name in _SECRET_FILES:
        path = folder / name
        if path.exists():
            text = path.read_text(encoding="utf-8", errors="replace")
            try:
                found += _values(json.loads(text))
            except ValueError:
                found += text.split()
    return found


def _values(tree: object, name: str = "") -> list[str]:
    if isinstance(tree, dict):
        return [text for key, inner in tree.items() for text in _values(inner, str(key))]
    if isinstance(tree, list):
        return [text for inner in tree for text in _values(inner, name)]
    if name in _NO_SECRETS or isinstance(tree, bool) or tree is None:
        return []
    return [str(tree)]


def _json(tree: object) -> str:
    return json.dumps(tree, ensure_ascii=False, indent=1, default=str) + "\n"
