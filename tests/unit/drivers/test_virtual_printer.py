"""The twin's inside, without socket or disk."""

from drivers.printer.profiles import PROFILES
from drivers.virtual.faults import FaultChange
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
