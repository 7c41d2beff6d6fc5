"""The example settings are decoded by the code that they are examples for, and name every field with its default."""

import tomllib
from pathlib import Path

import msgspec

from edge import settings

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "edge.example.toml"


def test_the_nodes_example_names_every_field_with_its_default() -> None:
    tree = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    read = settings.load(EXAMPLE)
    plain = settings.EdgeSettings(data_dir=read.data_dir, printer=settings.PrinterSettings())

    assert read == plain
    for name, table in tree.items():
        if isinstance(table, dict):
            kind = type(getattr(plain, name))
            assert set(table) == {field.encode_name for field in msgspec.structs.fields(kind)}
    assert set(tree) == {field.encode_name for field in msgspec.structs.fields(settings.EdgeSettings)}
