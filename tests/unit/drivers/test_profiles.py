"""Profiles by name, by model and as JSON; and that the database is read without leaving anything behind."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.document import Columns, Cut, ReceiptDoc, Text
from drivers.errors import DeviceRejected
from drivers.escpos.encoder import encode
from drivers.escpos.profile import PrinterProfile
from drivers.printer.capabilities import from_capabilities, models
from drivers.printer.profiles import GENERIC_58, GENERIC_80, PROFILES, from_json, known, to_json

ROOT = Path(__file__).parents[3]
PLAIN = {"name": "x", "width_dots": 576, "columns": 48}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_reads_back_from_its_own_json(name):
    assert from_json(to_json(PROFILES[name])) == PROFILES[name]


@pytest.mark.parametrize("name", models())
def test_every_model_of_the_database_makes_a_profile_that_prints_a_chinese_slip(name):
    profile, is_known = known(name)

    assert is_known
    assert profile.model == name
    assert from_json(to_json(profile)) == profile
    assert encode(ReceiptDoc((Text("宫保鸡丁", size=2), Columns("面", "9.00"), Cut())), profile).data


def test_what_json_leaves_out_has_its_default():
    assert from_json(PLAIN) == PrinterProfile("x", 576, 48)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"colour": "red"}, "colour"),
        ({"width_dots": 577}, "width_dots"),
        ({"width_dots": 10**9}, "width_dots"),
        ({"width_dots": "576"}, "width_dots"),
        ({"width_dots": True}, "width_dots"),
        ({"columns": 49}, "columns"),
        ({"columns": 7}, "columns"),
        ({"columns": 4.5}, "columns"),
        ({"native_qr": 1}, "native_qr"),
        ({"name": ""}, "name"),
        ({"name": "a\x1bp"}, "name"),
        ({"model": 5}, "model"),
        ({"charset": "utf-8"}, "charset"),
        ({"hanzi_size": "big"}, "hanzi_size"),
        ({"buzzer": []}, "buzzer"),
        ({"confirms": None}, "confirms"),
        ({"answers": False}, "confirms"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_may_be(change, word):
    with pytest.raises(DeviceRejected, match=word):
        from_json({**PLAIN, **change})


@pytest.mark.parametrize("data", [None, [], "epson-80", {}, {"name": "x", "columns": 48}, {1: 2}])
def test_what_is_no_profile_at_all_is_refused_with_a_sentence(data):
    with pytest.raises(DeviceRejected, match="profile"):
        from_json(data)


@pytest.mark.parametrize(
    ("name", "generic"),
    [("Nobody 9000", GENERIC_80), ("", GENERIC_80), ("XX-58 mini", GENERIC_58), ("AF-240", GENERIC_80)],
)
def test_an_unknown_model_gets_the_generic_profile_and_is_said_to_be_unknown(name, generic):
    assert known(name) == (generic, False)


def test_a_model_is_found_whatever_its_capitals():
    assert known("tm-t88vi") == known("TM-T88VI")
    assert known("TM-T88VI")[1]


def test_a_model_that_nobody_knows_is_refused_with_what_to_do():
    with pytest.raises(DeviceRejected, match="generic profile"):
        from_capabilities("Nobody 9000")


def test_a_model_of_which_we_have_no_word_prints_chinese_as_dots():
    assert from_capabilities("CT-S651").raster_text
    assert not from_capabilities("TM-T88V").raster_text


def test_old_epsons_are_not_asked_for_what_they_have_not_got():
    profile = from_capabilities("TM-T88III")

    assert (profile.confirms, profile.native_qr) == ("paper_status", False)


def test_a_customer_display_of_the_database_is_no_printer():
    assert not {"AF-240", "OCD-100", "OCD-300"} & set(models())


def test_one_way_printers_confirm_nothing():
    profile = replace(PROFILES["epson-80"], answers=False)

    assert (profile.process_id, profile.paper_status) == (False, False)


READ_MODELS = "from drivers.printer.capabilities import models; assert len(models()) > 40"
LIBRARYS_OWN = "import escpos.capabilities"


def test_reading_the_database_leaves_no_temporary_folder_and_loads_no_parser(tmp_path):
    _run(
        READ_MODELS + "; import sys; assert 'yaml' not in sys.modules and 'escpos.capabilities' not in sys.modules",
        tmp_path,
    )

    assert list(tmp_path.iterdir()) == []


def test_negative_control_the_librarys_own_loader_leaves_one_even_when_told_where_to_go(tmp_path):
    told = tmp_path / "told"
    told.mkdir()
    left = tmp_path / "tmp"
    left.mkdir()

    _run(LIBRARYS_OWN, left, ESCPOS_CAPABILITIES_PICKLE_DIR=str(told))

    assert len(list(left.iterdir())) == 1


def test_importing_the_profiles_does_not_import_the_library(tmp_path):
    _run("import sys, drivers.printer.profiles; assert 'escpos' not in sys.modules", tmp_path)


def _run(code: str, tmp: Path, **more: str) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp), "PYTHONDONTWRITEBYTECODE": "1", **more}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
