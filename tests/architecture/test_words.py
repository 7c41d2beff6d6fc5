"""Every word a person reads comes from a catalogue that has it in both languages."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = [name for name in ("edge", "cloud", "drivers") if (ROOT / name).is_dir()]
CATALOGUES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("words.toml"))
PAGES = sorted(
    path
    for name in PACKAGES
    for path in (ROOT / name).rglob("*")
    # vendor/ holds assets that set-up copies from pinned wheels: not ours, not committed.
    if path.suffix in {".html", ".js", ".css", ".svg", ".webmanifest", ".jinja"} and "vendor" not in path.parts
)
TILL = ROOT / "edge" / "web"

CJK = re.compile(
    "[\u2e80-\u303f\u3100-\u312f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
PLACEHOLDER = re.compile(r"\{(\w+)\}")
# A date is written from other parts in each language (month 11 or November).
DATE_TABLES = ("day.",)

ERROR_CODES = [
    "wrong_pin",
    "pin_locked",
    "not_signed_in",
    "malformed",
    "unknown_field",
    "too_large",
    "qty_out_of_range",
    "unknown_dish",
    "weight_missing",
    "weight_not_taken",
    "weight_out_of_range",
    "unknown_modifier",
    "too_many_modifiers",
    "too_few_modifiers",
    "underpaid",
    "overpaid",
    "lines_waiting",
    "line_gone",
    "price_missing",
    "price_fixed",
    "wrong_parts",
    "reason_missing",
    "empty_sale",
    "bad_text",
    "amount_too_large",
    "sale_id_reused",
    "price_changed",
    "not_found",
    "unknown_till",
    "forbidden_origin",
    "method_not_allowed",
    "too_many_streams",
    "busy",
    "training_mode",
    "not_reprintable",
    "no_such_action",
    "other_till_drawer",
    "disk_full",
    "disk_read_only",
    "disk_error",
    "database_damaged",
    "internal",
]


def flatten(table: dict[str, Any], prefix: str = "") -> dict[str, dict[str, str]]:
    """{"till.pay": {"zh": ..., "en": ...}}; a table that holds both words and tables is an error."""
    words: dict[str, dict[str, str]] = {}
    for name, value in table.items():
        key = f"{prefix}{name}"
        assert isinstance(value, dict), f"{key} stands outside any key's table"
        if any(isinstance(each, str) for each in value.values()):
            words[key] = value
        else:
            words.update(flatten(value, f"{key}."))
    return words


def catalogue(path: Path) -> dict[str, dict[str, str]]:
    return flatten(tomllib.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_key_has_both_languages_with_the_same_placeholders(path: Path) -> None:
    for key, texts in catalogue(path).items():
        assert set(texts) == {"zh", "en"}, key
        assert texts["zh"].strip(), key
        assert texts["en"].strip(), key
        if key.startswith(DATE_TABLES):
            continue
        assert set(PLACEHOLDER.findall(texts["zh"])) == set(PLACEHOLDER.findall(texts["en"])), key


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_shouts_or_begs(path: Path) -> None:
    for key, texts in catalogue(path).items():
        if key.startswith(("guest.", "guest_join.", "guest_member.")):
            continue  # Only staff screens drop the courtesy words; a page for guests may have them.
        assert not re.search("[!\uff01]", texts["zh"] + texts["en"]), key
        assert not re.search(
            r"\b(please|sorry)\b|(?<![\u9080\u7533])\u8bf7(?!\u6c42)|\u62b1\u6b49", texts["en"].lower() + texts["zh"]
        ), key


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_and_scripts_hold_no_hanzi(path: Path) -> None:
    found = CJK.search(path.read_text(encoding="utf-8"))
    assert found is None, f"{path.relative_to(ROOT)}: {found.group() if found else ''}"


def test_the_search_for_hanzi_finds_hanzi_and_full_width_marks() -> None:
    for text in ('<b title="\u6536\u6b3e">', "a\uff0cb", "\U00020bb7"):
        assert CJK.search(text), text
    assert not CJK.search("\u00a5 12.00 \u00b7 \u00d7 \u2212 \u25cf \u2026")


def test_every_refusal_of_the_node_has_a_sentence_that_ends() -> None:
    words = catalogue(TILL / "words.toml")
    for code in ERROR_CODES:
        assert words[f"error.{code}"]["zh"].endswith("\u3002"), code
        assert words[f"error.{code}"]["en"].endswith("."), code


def test_every_word_that_the_till_names_is_in_the_catalogue() -> None:
    words = catalogue(TILL / "words.toml")
    tables = "|".join(sorted({key.split(".")[0] for key in words}))
    named: set[str] = set()
    for path in sorted((TILL / "static" / "till").glob("*.js")):
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(rf'"((?:{tables})\.[a-z_0-9]+)"', text))
    for path in sorted((TILL / "templates").glob("till*.html")):
        named |= set(re.findall(r'data-word(?:-label|-placeholder)?="([^"]+)"', path.read_text(encoding="utf-8")))
    assert len(named) > 100
    # A name that ends in an underscore is completed by a state or a code: at least one key must begin so.
    missing = [
        name
        for name in named
        if not (name.endswith("_") and any(key.startswith(name) for key in words)) and name not in words
    ]
    assert missing == []
