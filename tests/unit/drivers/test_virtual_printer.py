"""The twin's inside, without socket or disk."""

import dataclasses

import pytest

from drivers.errors import DeviceRejected
from drivers.escpos.decoder import decode
from drivers.printer.profiles import PROFILES
from drivers.virtual.faults import FAULT_MENU, FaultChange, Faults, from_query
from drivers.virtual.printer import BUFFER_BYTES_MAX, Discarded, Printed, SlipEnded, VirtualPrinter
from tests.kit.printers import PaperTray

EPSON = PROFILES["epson-80"]
CUT = b"\x1dVB\x00"
ASK_ID = b"\x1d(H\x06\x0000AB12"
ID = b"\x37\x22AB12\x00"


def on_paper(*reactions):
    tray = PaperTray()
    for reaction in reactions:
        tray.take(reaction.paper)
    return tray


def test_a_slip_is_what_lies_between_two_cuts_without_the_questions():
    twin = VirtualPrinter(EPSON)

    reaction = twin.receive(b"\x10\x04\x01one\n" + CUT + ASK_ID + b"two\n" + CUT)

    assert on_paper(reaction).slips == [(b"one\n" + CUT, True), (b"two\n" + CUT, True)]
    assert reaction.answer == b"\x12" + ID


def test_out_of_paper_it_says_so_keeps_the_bytes_and_confirms_only_when_mended():
    twin = VirtualPrinter(EPSON)
    twin.switch(FaultChange(paper_out=True))

    waiting = twin.receive(b"x\n" + CUT + ASK_ID + b"\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04")
    assert waiting.paper == ()
    assert waiting.answer == b"\x1a\x32\x12\x7e"
    mended = twin.switch(FaultChange(paper_out=False))
    assert on_paper(mended).slips == [(b"x\n" + CUT, True)]
    assert mended.answer == ID


def test_with_the_cover_open_it_is_offline_and_says_why():
    twin = VirtualPrinter(EPSON)
    twin.switch(FaultChange(cover_open=True))

    assert twin.receive(b"\x10\x04\x01\x10\x04\x02\x10\x04\x04").answer == b"\x1a\x16\x12"


def test_an_offline_printer_takes_no_more_than_its_buffer():
    twin = VirtualPrinter(EPSON)
    twin.switch(FaultChange(paper_out=True))

    twin.receive(b"x\n" * (BUFFER_BYTES_MAX // 2))

    assert twin.room_bytes == 0


def test_a_job_buffered_when_its_sender_left_is_still_printed_and_ends_there():
    twin = VirtualPrinter(EPSON)
    twin.switch(FaultChange(paper_out=True))
    twin.receive(b"half a slip\n")
    twin.end_connection()

    mended = twin.switch(FaultChange(paper_out=False))

    assert on_paper(mended).slips == [(b"half a slip\n", False)]


def test_mute_it_prints_and_says_nothing():
    twin = VirtualPrinter(EPSON)
    twin.switch(FaultChange(mute=True))

    reaction = twin.receive(b"\x10\x04\x01x\n" + CUT + ASK_ID)

    assert reaction.answer == b""
    assert on_paper(reaction).slips == [(b"x\n" + CUT, True)]


def test_it_dies_at_the_byte_asked_for_and_keeps_exactly_what_came_before():
    job = b"\x1b@" + "宫保鸡丁 38.00\n".encode("gbk") + CUT
    for at in range(len(job) + 1):
        for size in (1, 3, len(job) + 20):
            twin = VirtualPrinter(EPSON)
            twin.switch(FaultChange(die_at_byte=at))
            stream = b"\x10\x04\x01" + job + b"Z"
            tray = PaperTray()
            died = False
            for start in range(0, len(stream), size):
                reaction = twin.receive(stream[start : start + size])
                tray.take(reaction.paper)
                died = died or reaction.died
            paper = b"".join(data for data, _ in tray.slips)
            assert died
            assert not twin.faults.power
            assert twin.faults.die_at_byte is None
            # What left nothing on the paper (only ESC @ and half a hanzi came) is no slip.
            assert paper == (job[:at] if at > 3 else b"")
            assert [complete for _, complete in tray.slips] == ([] if at <= 3 else [at == len(job)])


def test_status_questions_are_not_counted_towards_the_byte_it_dies_at():
    twin = VirtualPrinter(EPSON)
    twin.switch(FaultChange(die_at_byte=2))

    assert not twin.receive(b"\x10\x04\x01" * 5 + b"ab").died
    assert twin.receive(b"c").died


def test_without_power_it_takes_nothing_and_comes_back_fresh():
    twin = VirtualPrinter(EPSON)
    twin.receive(b"lost\n")
    off = twin.switch(FaultChange(power=False))
    assert off.died
    assert on_paper(twin.receive(b"nothing"), off).slips == [(b"", False)]
    assert twin.room_bytes == 0
    twin.switch(FaultChange(power=True))
    assert twin.receive(b"\x10\x04\x01").answer == b"\x12"


def test_power_lost_with_the_paper_out_loses_the_buffer():
    twin = VirtualPrinter(EPSON)
    twin.switch(FaultChange(paper_out=True))
    twin.receive(b"never printed\n" + CUT)
    twin.switch(FaultChange(power=False))

    back = twin.switch(FaultChange(power=True, paper_out=False))

    assert back.paper == ()


def test_an_empty_job_leaves_no_slip():
    twin = VirtualPrinter(EPSON)
    twin.receive(b"\x1b@\x1c.")

    assert twin.end_connection().paper == (Discarded(),)


def test_a_job_broken_off_by_its_sender_is_an_incomplete_slip():
    twin = VirtualPrinter(EPSON)

    reaction = twin.receive(b"half")
    ended = twin.end_connection()

    assert reaction.paper + ended.paper == (Printed(b"half"), SlipEnded(complete=False))


def test_automatic_status_comes_with_every_change_once_asked_for():
    twin = VirtualPrinter(EPSON)

    assert twin.receive(b"\x1da\xff").answer == b"\x10\x00\x00\x00"
    assert twin.switch(FaultChange(cover_open=True)).answer == b"\x38\x00\x00\x00"
    assert twin.switch(FaultChange(cover_open=True)).answer == b""


def test_it_tells_its_maker_and_answers_gs_r_in_order():
    twin = VirtualPrinter(EPSON, "7")

    assert twin.receive(b"\x1dIB\x1dID\x1dr\x01").answer == b"\x5fZHANGGUI\x00\x5f7\x00\x00"


def test_a_clone_without_process_id_stays_silent_about_it():
    assert VirtualPrinter(PROFILES["clone-80"]).receive(ASK_ID).answer == b""


# ------------------------------------------------------------------------------------------------------- fault menu
ASK_ALL = b"\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04"


def faulty(profile=EPSON, **faults):
    twin = VirtualPrinter(profile)
    twin.switch(FaultChange(**faults))
    return twin


@pytest.mark.parametrize(
    ("faults", "answers", "automatic", "prints"),
    [
        ({}, b"\x12\x12\x12\x12", b"\x10\x00\x00\x00", True),
        ({"near_end": True}, b"\x12\x12\x12\x1e", b"\x10\x00\x03\x00", True),
        ({"drawer_open": True}, b"\x16\x12\x12\x12", b"\x14\x00\x00\x00", True),
        ({"offline": True}, b"\x1a\x12\x12\x12", b"\x18\x00\x00\x00", False),
        ({"cover_open": True}, b"\x1a\x16\x12\x12", b"\x38\x00\x00\x00", False),
        ({"paper_out": True}, b"\x1a\x32\x12\x7e", b"\x18\x00\x0f\x00", False),
        ({"cutter_error": True}, b"\x1a\x52\x1a\x12", b"\x18\x08\x00\x00", False),
        ({"fatal_error": True}, b"\x1a\x52\x32\x12", b"\x18\x20\x00\x00", False),
        ({"overheated_ms": 500}, b"\x1a\x52\x52\x12", b"\x18\x40\x00\x00", False),
    ],
    ids=lambda value: ",".join(value) or "well" if isinstance(value, dict) else "",
)
def test_each_trouble_has_its_own_bits_and_stops_the_printing_or_not(faults, answers, automatic, prints):
    twin = VirtualPrinter(EPSON)
    assert twin.receive(b"\x1da\xff").answer == b"\x10\x00\x00\x00"

    changed = twin.switch(FaultChange(**faults))

    assert changed.answer == (automatic if faults else b"")
    assert twin.receive(ASK_ALL).answer == answers
    assert (on_paper(twin.receive(b"x\n" + CUT)).slips != []) is prints


def test_a_hot_head_that_cools_down_prints_what_waited():
    twin = faulty(overheated_ms=500)
    assert twin.receive(b"x\n" + CUT + ASK_ID).answer == b""

    cooled = twin.switch(FaultChange(overheated_ms=0))

    assert on_paper(cooled).slips == [(b"x\n" + CUT, True)]
    assert cooled.answer == ID


@pytest.mark.parametrize(
    ("fault", "question"), [("paper_out_at_byte", b"\x10\x04\x04"), ("cover_open_at_byte", b"\x10\x04\x02")]
)
def test_paper_or_cover_fails_at_a_byte_in_the_middle_of_a_job(fault, question):
    twin = faulty(**{fault: 6})

    first = twin.receive(b"\x10\x04\x01one\ntwo\nthree\n" + CUT + ASK_ID)

    assert on_paper(first).open == b"one\n"
    assert first.answer == b"\x12"
    assert twin.receive(question).answer != b"\x12"
    mended = twin.switch(FaultChange(paper_out=False, cover_open=False))
    assert on_paper(first, mended).slips == [(b"one\ntwo\nthree\n" + CUT, True)]


def test_lost_answers_are_the_next_confirmations_and_no_others():
    twin = faulty(lose_answers=2)

    assert (
        twin.receive(b"\x10\x04\x01" + ASK_ID + b"\x1dr\x01" + ASK_ID + b"\x1dr\x01").answer == b"\x12" + ID + b"\x00"
    )
    assert twin.faults.lose_answers == 0


def test_automatic_status_noise_stands_before_and_after_every_answer():
    noise = b"\x10\x00\x00\x00"

    assert (
        faulty(asb_noise=True).receive(b"\x10\x04\x01\x10\x04\x02").answer == noise + b"\x12" + noise + b"\x12" + noise
    )
    assert faulty(asb_noise=True).receive(b"x\n").answer == b""


@pytest.mark.parametrize("silent", ["mute", "one_way"])
def test_a_one_way_printer_prints_and_answers_nothing(silent):
    reaction = faulty(**{silent: True}).receive(b"\x10\x04\x01x\n" + CUT + ASK_ID + b"\x1dIB")

    assert reaction.answer == b""
    assert on_paper(reaction).slips == [(b"x\n" + CUT, True)]


def test_a_profile_that_answers_nothing_makes_a_one_way_twin():
    profile = dataclasses.replace(EPSON, answers=False)

    assert VirtualPrinter(profile).receive(b"\x10\x04\x01").answer == b""


def test_what_a_printer_knows_can_be_taken_away():
    twin = faulty(no_process_id=True)
    assert twin.receive(ASK_ID + b"\x1dr\x01").answer == b"\x00"
    twin.switch(FaultChange(no_paper_status=True))
    assert twin.receive(ASK_ID + b"\x1dr\x01").answer == b""


def test_another_identity_is_told_when_the_address_belongs_to_another_printer():
    twin = faulty(maker="EPSON", model="TM-T82", serial="J4X1")

    assert twin.receive(b"\x1dIB\x1dIC\x1dID").answer == b"\x5fEPSON\x00\x5fTM-T82\x00\x5fJ4X1\x00"


def test_a_pulse_opens_the_drawer_and_a_person_closes_it():
    twin = VirtualPrinter(EPSON)

    assert twin.receive(b"\x1bp\x00\x19\xfa\x10\x04\x01\x1dr\x02").answer == b"\x12\x01"
    assert twin.receive(b"\x10\x04\x01").answer == b"\x16"
    twin.switch(FaultChange(drawer_open=False))
    assert twin.receive(b"\x10\x04\x01\x1dr\x02").answer == b"\x12\x00"
    assert twin.drawer_pulses == 1


@pytest.mark.parametrize("fault", ["drawer_stuck", "no_drawer"])
def test_a_pulse_that_opens_nothing_is_counted_and_nothing_is_sensed(fault):
    twin = faulty(**{fault: True})

    twin.receive(b"\x1bp\x00\x19\xfa")

    assert twin.receive(b"\x10\x04\x01").answer == b"\x12"
    assert twin.drawer_pulses == 1


def test_without_the_chinese_default_a_job_that_sets_no_mode_is_not_read_as_hanzi():
    twin = faulty(kanji_off=True)
    twin.switch(FaultChange(power=False))
    twin.switch(FaultChange(power=True))

    line = "宫\n".encode("gbk")
    events = [*twin.receive(line).paper, *VirtualPrinter(EPSON).receive(line).paper]

    assert {event.kanji for event in events if isinstance(event, Printed)} == {False, None}


def test_the_same_seed_dies_at_the_same_bytes_after_every_power_on():
    def deaths(seed):
        twin = VirtualPrinter(EPSON, faults=Faults(die_in=50, seed=seed))
        at = []
        for _ in range(20):
            at.append(twin.receive(b"x" * 60).accepted)
            twin.switch(FaultChange(power=True))
        return at

    assert deaths(1) == deaths(1)
    assert deaths(1) != deaths(2)
    assert max(deaths(1)) < 50


PICTURE = b"\x1dv0\x00\x02\x00\x08\x00"


def test_a_picture_that_was_broken_off_swallows_the_next_job_until_it_is_full():
    twin = VirtualPrinter(EPSON)
    twin.receive(PICTURE + b"\xff" * 6)
    twin.end_connection()

    swallowed = twin.receive(b"lost line\nkept\n" + CUT)

    tray = on_paper(swallowed)
    assert tray.slips == [(PICTURE + b"\xff" * 6 + b"lost line\nkept\n" + CUT, True)]
    assert decode(tray.slips[0][0]).text == "kept"


def test_negative_control_a_printer_that_forgets_at_the_end_of_a_connection_swallows_nothing():
    twin = faulty(remembers_open_command=False)
    twin.receive(PICTURE + b"\xff" * 6)
    twin.end_connection()

    tray = on_paper(twin.receive(b"whole line\n" + CUT))

    assert tray.slips == [(b"whole line\n" + CUT, True)]


def test_power_off_forgets_the_open_picture():
    twin = VirtualPrinter(EPSON)
    twin.receive(PICTURE)
    twin.end_connection()
    twin.switch(FaultChange(power=False))
    twin.switch(FaultChange(power=True))

    assert on_paper(twin.receive(b"x\n" + CUT)).slips == [(b"x\n" + CUT, True)]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_questions_and_pulses_inside_an_open_picture_are_obeyed_at_once_and_once(size):
    twin = VirtualPrinter(EPSON)
    stream = PICTURE + b"\x10\x04\x01\x10\x14\x01\x00\x01"
    answers = b"".join(twin.receive(stream[at : at + size]).answer for at in range(0, len(stream), size))

    assert answers == b"\x12"
    assert twin.drawer_pulses == 1
    twin.end_connection()
    assert twin.receive(b"\x10\x04\x02" + b"\x00" * 5).answer == b"\x12"
    assert twin.drawer_pulses == 1


def test_an_address_sets_the_same_switches_as_the_page():
    change = from_query([("paper_out", "1"), ("slow_ms_per_kb", "200"), ("serial", "42"), ("die_at_byte", "7")])

    assert change == FaultChange(paper_out=True, slow_ms_per_kb=200, serial="42", die_at_byte=7)


@pytest.mark.parametrize(
    "pair", [("papers_out", "1"), ("paper_out", "perhaps"), ("die_at_byte", "-1"), ("serial", "\x07")]
)
def test_an_address_with_a_switch_that_is_not_on_the_menu_says_what_there_is(pair):
    with pytest.raises(DeviceRejected, match="the switches are paper_out, cover_open"):
        from_query([pair])


def test_every_switch_is_on_the_page_and_in_the_change():
    assert {row.name for row in FAULT_MENU} == set(Faults.__struct_fields__) == set(FaultChange.__struct_fields__)
