"""Addresses of devices: what a person writes is read, written back the same, and refused with a remedy."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import DeviceRejected
from drivers.transport.address import (
    BAUDS,
    SAMPLES,
    Address,
    FileAddress,
    Flow,
    HidAddress,
    Parity,
    PcscAddress,
    SerialAddress,
    TcpAddress,
    TwinKind,
    UsbAddress,
    VirtualAddress,
    parse,
    place,
)

printable = st.text(st.characters().filter(str.isprintable), max_size=30)
paths = st.lists(printable.filter(lambda text: text and "/" not in text), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
hosts = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z]{2,5})?", fullmatch=True),
    st.ip_addresses().map(str),
    st.sampled_from(["fe80::1%eth0", "127.0.0.1", "till_printer.lan"]),
)
faults = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True), printable, max_size=4)
addresses: st.SearchStrategy[Address] = st.one_of(
    st.builds(TcpAddress, hosts, st.integers(1, 65_535)),
    st.builds(
        SerialAddress, paths, st.sampled_from(BAUDS), st.sampled_from([7, 8]), st.sampled_from(get_args(Parity)),
        st.sampled_from([1, 2]), st.sampled_from(get_args(Flow)),
    ),
    st.builds(UsbAddress, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), printable),
    st.builds(FileAddress, paths),
    st.builds(HidAddress, paths),
    st.builds(PcscAddress, printable),
    st.builds(
        VirtualAddress, st.sampled_from(get_args(TwinKind)), st.from_regex(r"[a-z0-9][a-z0-9_-]{0,31}", fullmatch=True),
        faults.map(lambda found: tuple(found.items())),
    ),
)  # fmt: skip


@given(addresses)
def test_what_is_written_is_read_back_the_same(address):
    text = str(address)
    assert parse(text) == address
    assert text.isascii()
    assert " " not in text


@given(st.text(max_size=60) | st.builds("{}://{}".format, st.sampled_from(list(SAMPLES)), st.text(max_size=60)))
def test_any_other_text_is_refused_and_nothing_else_happens(text):
    try:
        address = parse(text)
    except DeviceRejected as error:
        said = str(error)
    else:
        said = str(parse(str(address)))
        assert said == str(address)
    assert "://" in said


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://192.168.1.50:9100", TcpAddress("192.168.1.50")),
        ("tcp://printer.lan", TcpAddress("printer.lan", 9_100)),
        ("tcp://[fd00::5]:9101", TcpAddress("fd00::5", 9_101)),
        ("TCP://printer", TcpAddress("printer")),
        (" file:///dev/usb/lp0 ", FileAddress("/dev/usb/lp0")),
        ("serial:///dev/serial/by-id/usb-X", SerialAddress("/dev/serial/by-id/usb-X")),
        (
            "serial:///dev/ttyS0?baud=2400&bits=7&parity=e&stop=2&flow=xonxoff",
            SerialAddress("/dev/ttyS0", 2_400, 7, "E", 2, "xonxoff"),
        ),
        (
            "serial:///dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0",
            SerialAddress("/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0"),
        ),
        ("usb://04b8:0202", UsbAddress(0x04B8, 0x0202)),
        ("usb://04B8:0202/J4X1", UsbAddress(0x04B8, 0x0202, "J4X1")),
        ("usb://04b8:0202/@1-2.3", UsbAddress(0x04B8, 0x0202, "@1-2.3")),
        ("hid:///dev/input/by-id/usb-X-event-kbd", HidAddress("/dev/input/by-id/usb-X-event-kbd")),
        ("pcsc://", PcscAddress()),
        ("pcsc://ACS%20ACR122U", PcscAddress("ACS ACR122U")),
        ("pcsc://ACS ACR122U", PcscAddress("ACS ACR122U")),
        (
            "virtual://printer/kitchen?paper_out=1&slow_ms_per_kb=200",
            VirtualAddress("printer", "kitchen", (("paper_out", "1"), ("slow_ms_per_kb", "200"))),
        ),
    ],
)
def test_addresses_are_read(text, address):
    assert parse(text) == address


def test_every_sample_is_a_good_address_of_its_kind():
    assert {type(parse(sample)) for sample in SAMPLES.values()} == set(get_args(Address))
    assert all(sample.startswith(f"{scheme}://") for scheme, sample in SAMPLES.items())


def test_options_with_their_usual_value_are_left_out():
    assert str(SerialAddress("/dev/ttyS0")) == "serial:///dev/ttyS0"
    assert str(SerialAddress("/dev/ttyS0", 19_200, parity="E")) == "serial:///dev/ttyS0?baud=19200&parity=E"


def test_two_rows_at_one_place_are_seen_whatever_their_options():
    assert place(parse("serial:///dev/ttyS0?baud=2400")) == place(parse("serial:///dev/ttyS0"))
    assert place(parse("virtual://scale/a?load=1")) == "virtual://scale/a"
    assert place(FileAddress("/dev/what?")) == "file:///dev/what%3F"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "good ones are"),
        ("192.168.1.50", "tcp://192.168.1.50:9100"),
        ("http://x", "good ones are"),
        ("tcp://", "host name"),
        ("tcp://two words", "host name"),
        ("tcp://a/b", "host name"),
        ("tcp://host:0", "1 to 65535"),
        ("tcp://host:65536", "1 to 65535"),
        ("tcp://host:x", "1 to 65535"),
        ("tcp://host:²", "1 to 65535"),
        ("tcp://fd00::5", "brackets"),
        ("tcp://host?x=1", "nothing may follow"),
        ("serial://dev/ttyS0", "three slashes"),
        ("serial:///dev/", "ends in a name"),
        ("serial:///dev/ttyS0?baud=9601", "baud is one of"),
        ("serial:///dev/ttyS0?baud=fast", "baud is a number"),
        ("serial:///dev/ttyS0?bits=9", "bits is one of"),
        ("serial:///dev/ttyS0?parity=X", "parity is one of"),
        ("serial:///dev/ttyS0?stop=3", "stop is one of"),
        ("serial:///dev/ttyS0?flow=dsr", "flow is one of"),
        ("serial:///dev/ttyS0?speed=9600", "no option 'speed'"),
        ("serial:///dev/ttyS0?baud=9600&baud=2400", "twice"),
        ("serial:///dev/ttyS0?baud", "name=value"),
        ("serial:///dev/tty%0aS0", "cannot be printed"),
        ("usb://04b8", "lsusb"),
        ("usb://4b8:202", "lsusb"),
        ("usb://04b8:0202:1", "lsusb"),
        ("file://lp0", "three slashes"),
        ("file:///dev/lp%", "%25"),
        ("file:///dev/lp%ff", "UTF-8"),
        ("hid://", "three slashes"),
        ("pcsc://%00", "cannot be printed"),
        ("virtual://toaster/kitchen", "kind is one of"),
        ("virtual://printer", "a name has"),
        ("virtual://printer/../../etc", "a name has"),
        ("virtual://printer/Kitchen", "a name has"),
        ("virtual://printer/a?paper_out=1&paper_out=0", "twice"),
        ("virtual://printer/a?Paper=1", "name=value"),
    ],
)
def test_every_mistake_has_its_sentence_and_a_good_sample(text, word):
    with pytest.raises(DeviceRejected) as refusal:
        parse(text)
    assert word in str(refusal.value)
    scheme = text.partition("://")[0]
    assert SAMPLES.get(scheme, SAMPLES["usb"]) in str(refusal.value)


def test_a_wrong_address_cannot_be_built_either():
    for wrong in (
        lambda: VirtualAddress("printer", "../x"),
        lambda: SerialAddress("ttyS0"),
        lambda: UsbAddress(70_000, 1),
        lambda: TcpAddress("a b"),
        lambda: FileAddress("/dev/lp\n0"),
    ):
        with pytest.raises(DeviceRejected):
            wrong()
