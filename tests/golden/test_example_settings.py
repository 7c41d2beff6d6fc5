"""The example settings are decoded by the code that they are examples for, and name every field with its default."""

import re
import tomllib
from pathlib import Path
from typing import get_args

import msgspec

from edge import settings
from edge.domain import device_rows
from edge.domain.device_rows import DeviceRow, read_rows

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "edge.example.toml"
SWITCHED_OFF = re.compile(r"^#(?=\[\[|[a-z_]+ = )", re.MULTILINE)
"""A setting that is switched off begins with # and no blank; a remark begins with # and a blank."""


def test_the_nodes_example_names_every_field_with_its_default() -> None:
    tree = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    read = settings.load(EXAMPLE)
    plain = settings.EdgeSettings(data_dir=read.data_dir, twins_dir=read.twins_dir, devices=read.devices)

    assert read == plain
    assert tree["twins_dir"] == ""
    for name, table in tree.items():
        if isinstance(table, dict):
            kind = type(getattr(plain, name))
            assert set(table) == {field.encode_name for field in msgspec.structs.fields(kind)}
    assert set(tree) == {field.encode_name for field in msgspec.structs.fields(settings.EdgeSettings)}


def test_every_device_of_the_example_can_be_used_also_those_that_are_switched_off() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    on = read_rows(tomllib.loads(text)["devices"], ("1", "2"))
    every = read_rows(tomllib.loads(SWITCHED_OFF.sub("", text))["devices"], ("1", "2"))

    assert (on.problems, every.problems) == ((), ())
    assert [row.id for row in on.rows] == ["counter", "drawer"]
    assert {type(row) for row in every.rows} == set(get_args(DeviceRow))


def test_the_example_names_every_field_of_every_kind_of_device() -> None:
    tree = tomllib.loads(SWITCHED_OFF.sub("", EXAMPLE.read_text(encoding="utf-8")))
    named: dict[str, set[str]] = {kind: set() for kind in device_rows.KINDS}
    for row in tree["devices"]:
        named[row["kind"]] |= set(row)
    for kind in get_args(DeviceRow):
        fields = {field.encode_name for field in msgspec.structs.fields(kind)}
        assert named[str(kind.__struct_config__.tag)] == fields | {"kind"}
