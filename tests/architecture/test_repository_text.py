"""Nothing committed names a path of one machine, a package registry's host, or carries third-party scripts and fonts."""

import re
from pathlib import Path

import pytest

from tests.architecture.checkout import ROOT, repository_files

# The hosts are put together from halves here, so that this file passes its own test.
HOSTS = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "unpkg" + ".com",
    "jsdelivr" + ".net",
    "cdnjs" + ".cloudflare.com",
    "deb." + "debian" + ".org",
    "tuna.tsinghua" + ".edu.cn",
    "mirrors" + ".aliyun.com",
    "fonts.google" + "apis.com",
]
MACHINE_PATH = re.compile(r"(?<![\w.}/-])/(?:work|root|home/[a-z]\w*|Users/\w+)/")
FOREIGN = re.compile(r"\.(?:woff2?|ttf|otf|ttc|min\.js|min\.css|whl|so|exe)$")


def offences(text: str) -> list[str]:
    """The registry hosts and machine paths in a text."""
    return [host for host in HOSTS if host in text] + [match[0] for match in MACHINE_PATH.finditer(text)]


def readable(path: Path) -> str:
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_committed_text_names_this_machine_or_a_registry():
    found = {str(path): offences(readable(path)) for path in repository_files()}
    assert {path: hits for path, hits in found.items() if hits} == {}


@pytest.mark.parametrize(
    "text",
    ["see /" + "work/main/edge", "open('/" + "root/x')", "/" + "home/ann/till", f"https://{HOSTS[0]}/simple", HOSTS[5]],
)
def test_a_machine_path_or_a_registry_host_is_found(text):
    assert offences(text)


@pytest.mark.parametrize("text", ["config/" + "work/x", "https://hq.example/" + "work/1", "~/till", "{base}/root/x"])
def test_an_ordinary_path_is_left_alone(text):
    assert offences(text) == []


def test_no_third_party_font_script_or_binary_is_committed():
    assert [str(path) for path in repository_files() if FOREIGN.search(path.name)] == []


def test_a_font_and_a_minified_script_would_be_found():
    assert all(FOREIGN.search(name) for name in ("htmx.min.js", "noto.woff2", "x.whl"))
    assert not any(FOREIGN.search(name) for name in ("till.js", "admin.js", "tokens.css"))
