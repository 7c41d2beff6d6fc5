"""Other machines of the house: TLS by the store's own CA, pairing, terminals that are revoked, and nobody else gets in."""

import hashlib
import http.client
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cheroot.server import HTTPConnection
from cheroot.ssl.builtin import BuiltinSSLAdapter

from edge.services.care import verify_journal
from edge.services.house.lan_authority import LanAuthority
from edge.services.house.pairing import LIFE_MS, WRONG_MAX
from edge.web import words
from edge.web.access import SECURE_COOKIE, TERMINAL_COOKIE
from edge.wiring import lan as listeners
from sync.node import certificates, tls_listener
from sync.node.certificates import DAY_MS
from sync.node.ports import ManualClock, SeededChance, SystemClock
from tests.kit.lan import HOST, House, code_on, open_house, silent
from tests.kit.nodes import START_MS, Rig, store_identity, uuid7_hex
from tests.kit.people import CASHIER, PINS, client_of
from tests.kit.waiting import until

API = "/api/v1"
SILENT = 40
BOUND_S = 1.0


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        made.clock.advance(SystemClock().now_ms() - START_MS)
        yield made
        report = verify_journal.verify(made.node)
        assert report.ok, report.findings


@pytest.fixture
def house(rig: Rig) -> Iterator[House]:
    with open_house(rig) as opened:
        yield opened


def revoke(house: House, terminal_id: str, number: int = 1) -> int:
    body = {"request_id": uuid7_hex(80_000 + number)}
    return house.manager.post(f"{API}/terminals/{terminal_id}/revoke", json=body).status_code


# Handshakes


def test_forty_silent_connections_do_not_hold_up_a_new_one(house: House) -> None:
    links = silent(house.lan.port, SILENT) + silent(house.guest_port, SILENT)
    try:
        for one, path in ((house.visitor(), "/pair"), (house.phone(), "/")):
            began_s = time.monotonic()
            assert one.get(path).status == 200
            assert time.monotonic() - began_s < BOUND_S
    finally:
        for link in links:
            link.close()


def test_with_the_servers_own_connections_they_do(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control, for both listeners: cheroot's own handshake, and its own way with a connection that says nothing."""

    def stock(server, files, *_rest) -> None:
        certificate, key = files()
        server.ssl_adapter = BuiltinSSLAdapter(str(certificate), str(key))

    monkeypatch.setattr(tls_listener, "secure", stock)
    monkeypatch.setattr(tls_listener, "PatientConnection", HTTPConnection)
    with open_house(rig) as house:
        links = silent(house.lan.port, SILENT) + silent(house.guest_port, SILENT)
        try:
            for one, path in ((house.visitor(), "/pair"), (house.phone(), "/")):
                with pytest.raises(TimeoutError):
                    one.get(path, timeout_s=BOUND_S)
        finally:
            for link in links:
                link.close()


# Pairing


def test_a_stranger_sees_the_page_for_the_code_and_whom_to_trust_and_nothing_else(house: House) -> None:
    one = house.visitor()
    page = one.get("/till/", headers={"Accept": "text/html"})
    assert (page.status, page.headers["Location"]) == (302, "/pair")
    assert one.get("/pair").status == one.get("/pair/trust").status == one.get("/api/v1/words").status == 200
    assert house.lan.fingerprint in one.get("/pair/trust").text
    shown = one.get("/pair/house-ca.crt").body
    assert certificates.fingerprint(house.lan.authority) == hashlib.sha256(shown).hexdigest()
    rules = [rule for rule in house.manager.application.url_map.iter_rules() if "static" not in rule.rule]
    asked = 0
    for rule in rules:
        values: dict[str, Any] = dict.fromkeys(rule.arguments, "1")
        with house.manager.application.test_request_context():
            address = house.manager.application.url_for(rule.endpoint, **values)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if address in {"/pair", "/pair/trust", "/pair/house-ca.crt", "/api/v1/words", "/api/v1/health"}:
                continue
            answer = one.ask(method, address, {} if method != "GET" else None)
            expected = {(401, "not_paired"), (404, "not_found")} if address != "/metrics" else {(403, "not_measured")}
            assert (answer.status, answer.json()["code"]) in expected, address
            asked += 1
    assert asked > 100


def test_a_code_makes_one_browser_a_terminal_at_its_till(house: House) -> None:
    code = house.code("Pad A", "2")
    one, other = house.visitor(), house.visitor()
    assert one.pair("0000-0000").status == 422
    paired = one.pair(code.lower().replace("-", " "))
    assert (paired.status, paired.headers["Location"]) == (303, "/till/")
    cookie = paired.headers["Set-Cookie"]
    assert all(part in cookie for part in (f"{TERMINAL_COOKIE}=", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"))
    # The answer may have been lost: the same request gets the same token, another one gets nothing.
    again = house.visitor()
    assert again.pair(code).cookies == paired.cookies
    assert other.pair(code, 2).status == 422
    assert other.cookies == {}
    assert one.get("/till/").status == 200
    status = one.get(f"{API}/status").json()
    assert (status["tills"], status["signed_in"]) == (["2"], False)
    assert one.sign_in("1").json()["code"] == "unknown_till"
    signed = one.sign_in("2")
    assert signed.status == 200
    assert all(part in signed.headers["Set-Cookie"] for part in (f"{SECURE_COOKIE}=", "Secure", "HttpOnly"))
    assert one.get(f"{API}/session").json()["till"] == "2"
    [listed] = house.manager.get(f"{API}/terminals").get_json()["terminals"]
    assert (listed["name"], listed["till"], listed["known"]) == ("Pad A", "2", True)


def test_what_a_terminal_shows_stands_nowhere_in_the_file(house: House) -> None:
    one = house.terminal()
    token = one.cookies[TERMINAL_COOKIE]
    held = b"".join(path.read_bytes() for path in house.rig.folder.rglob("*") if path.is_file())
    assert token.encode() not in held
    assert bytes.fromhex(token) not in held


def test_a_revoked_terminal_is_out_at_once_with_whoever_was_signed_in_there(house: House) -> None:
    one, other = house.terminal("Pad A", number=1), house.terminal("Pad B", number=2)
    assert one.sign_in().status == other.sign_in().status == 200
    first = next(
        each for each in house.manager.get(f"{API}/terminals").get_json()["terminals"] if each["name"] == "Pad A"
    )
    assert revoke(house, first["terminal_id"]) == 200
    assert one.get(f"{API}/session").json()["code"] == "not_paired"
    assert one.post(f"{API}/sales", {}).json()["code"] == "not_paired"
    assert other.get(f"{API}/session").status == 200
    assert [each["name"] for each in house.manager.get(f"{API}/terminals").get_json()["terminals"]] == ["Pad B"]
    assert revoke(house, "1" * 32, 2) == 404


def test_streams_past_the_cap_are_refused_at_every_listener_and_work_goes_on(rig: Rig) -> None:
    with open_house(rig, tweak=lambda web: msgspec.structs.replace(web, streams_max=1, guest_host="")) as house:
        one = house.terminal()
        one.sign_in()
        link = http.client.HTTPSConnection(HOST, house.lan.port, timeout=10, context=house.trust)
        link.request("GET", f"{API}/events", headers={"Cookie": f"{TERMINAL_COOKIE}={one.cookies[TERMINAL_COOKIE]}"})
        assert link.getresponse().readline().startswith(b"retry")
        assert one.get(f"{API}/events").json()["code"] == "too_many_streams"
        assert house.manager.get(f"{API}/events").status_code == 503
        assert one.get(f"{API}/status").status == 200
        link.close()


def test_a_stream_of_a_revoked_terminal_ends(house: House) -> None:
    one = house.terminal()
    one.sign_in()
    link = http.client.HTTPSConnection(HOST, house.lan.port, timeout=10, context=house.trust)
    cookies = "; ".join(f"{name}={value}" for name, value in one.cookies.items())
    link.request("GET", f"{API}/events", headers={"Cookie": cookies})
    stream = link.getresponse()
    assert stream.readline().startswith(b"retry")
    [listed] = house.manager.get(f"{API}/terminals").get_json()["terminals"]
    assert revoke(house, listed["terminal_id"]) == 200
    rest = stream.read()
    assert b"event: status" in rest
    link.close()


def test_a_code_ends_by_time_and_by_guessing_and_only_a_manager_makes_one(house: House) -> None:
    code = house.code()
    house.rig.clock.advance(LIFE_MS)
    assert house.visitor().pair(code).status == 422
    house.unlock()
    code, one = house.code(), house.visitor()
    for number in range(WRONG_MAX):
        house.lan.pairings.take(f"GUESS{number:03d}", uuid7_hex(number), house.rig.clock.monotonic_ms())
    assert one.pair(code).status == 422
    found = [house.visitor().pair("GUESS-0000", 100 + number).text for number in range(10)]
    assert words.sentence("too_often", "zh-CN") in found[-1]
    house.rig.clock.advance(3_000)
    assert words.sentence("pairing_code_wrong", "zh-CN") in house.visitor().pair("GUESS-0000", 200).text
    house.rig.add_person(CASHIER, PINS[CASHIER])
    cashier = client_of(house.rig, CASHIER)
    assert cashier.post(f"{API}/terminals/codes", json={"name": "x", "till": "1"}).get_json()["code"] == "not_allowed"
    assert cashier.get(f"{API}/terminals").get_json()["code"] == "not_allowed"
    for body, why in (({"name": " ", "till": "1"}, "bad_name"), ({"name": "x", "till": "9"}, "unknown_till")):
        assert house.manager.post(f"{API}/terminals/codes", json=body).get_json()["code"] == why


def test_the_managers_page_shows_a_code_that_works(house: House) -> None:
    page = house.manager.post("/terminals/offer", data={"name": "Kitchen", "till": "1"})
    assert page.status_code == 200
    assert f"https://{HOST}:{house.lan.port}/pair" in page.text
    assert house.visitor().pair(code_on(page.text)).status == 303
    listed = house.manager.get("/terminals").text
    assert "Kitchen" in listed
    assert code_on(page.text) not in listed


# Who is answered at all


def test_names_that_are_not_the_listeners_are_refused(house: House) -> None:
    for one in (house.terminal(), house.phone()):
        for host in ("evil.test", "127.0.0.2", "localhost", "127.0.0.1.evil.test"):
            answer = one.get("/", headers={"Host": f"{host}:{one.port}"})
            assert (answer.status, answer.json()["code"]) == (400, "forbidden_host"), host


def test_a_foreign_page_changes_nothing_at_a_terminal(house: House) -> None:
    one = house.terminal()
    one.sign_in()
    for origin in ("https://evil.test", f"http://{HOST}:{house.lan.port}", "null"):
        answer = one.ask("DELETE", f"{API}/session", headers={"Origin": origin})
        assert (answer.status, answer.json()["code"]) == (403, "forbidden_origin")
    assert one.get(f"{API}/session").status == 200
    assert one.ask("DELETE", f"{API}/session").status == 204


def test_the_first_start_is_done_at_the_node_only(house: House) -> None:
    one = house.terminal()
    for method, path in (("GET", "/first-start"), ("POST", "/first-start"), ("POST", "/first-start/enrol")):
        assert one.ask(method, path).status == 404


def test_a_sale_at_a_terminal_stands_at_its_till(house: House) -> None:
    one = house.terminal("Pad", "2")
    one.sign_in("2")
    body = {
        "sale_id": uuid7_hex(5),
        "lines": [{"dish_id": "d102", "qty": 1}],
        "tenders": [{"kind": "cash", "received_fen": 300}],
    }
    answer = one.post(f"{API}/sales", body)
    assert (answer.status, answer.json()["receipt_no"].split("-")[0]) == (201, "2"), answer.text


# An address that is not there


def test_a_port_that_is_taken_keeps_the_node_from_nothing_and_is_tried_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "AGAIN_S", 0.05)
    taken = socket.create_server((HOST, 0))
    port = int(taken.getsockname()[1])
    with taken, open_house(rig, tweak=lambda web: msgspec.structs.replace(web, lan_port=port, guest_host="")) as house:
        assert (house.lan.port, bool(house.lan.trouble)) == (0, True)
        assert 'data-testid="closed"' in house.manager.get("/terminals").text
        body = {"name": "Pad", "till": "1"}
        assert house.manager.post(f"{API}/terminals/codes", json=body).get_json()["code"] == "lan_closed"
        taken.close()
        until(lambda: house.lan.port == port)
        assert house.visitor().get("/pair").status == 200


# The store's CA


def test_the_ca_signs_for_the_house_only_and_its_leaf_is_renewed_in_time_and_for_new_names(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    authority = LanAuthority(tmp_path, store_identity(), clock, SeededChance("ca"))
    ca = authority.certificate("s1", ("192.168.1.4",))
    assert authority.certificate("s1", ()) == ca
    leaf, key = authority.files(("192.168.1.4", "till.lan"))
    first = leaf.read_text()
    assert set(certificates.read(first).names) == {"192.168.1.4", "till.lan"}
    assert certificates.belongs_to(first, ca)
    assert authority.files(("192.168.1.4", "till.lan"))[0].read_text() == first
    authority.files(("192.168.1.5", "till.lan"))
    second = leaf.read_text()
    assert second != first
    clock.advance(61 * DAY_MS)
    authority.files(("192.168.1.5", "till.lan"))
    assert leaf.read_text() != second
    for path in (key, tmp_path / "lan-ca-key.pem"):
        assert path.stat().st_mode & 0o077 == 0
    assert "ENCRYPTED" in (tmp_path / "lan-ca-key.pem").read_text()
    # Another node's key does not open it: a new one is made, which nobody trusts yet.
    assert LanAuthority(tmp_path, store_identity("other"), clock, SeededChance("x")).certificate("s1", ()) != ca
