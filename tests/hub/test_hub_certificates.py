"""The hub as CA on real files: what it signs, what it revokes, what a renewal and an approval take."""

import stat

import msgspec
import pytest

from cloud.services import tls_files
from cloud.services.activation import Codes
from cloud.services.approvals import Policy
from cloud.services.authority import Authority
from cloud.services.enrol import BadStore, Enrolment, Grants
from cloud.services.refusals import Refused
from sync.contract.enrolling import Enrolled, EnrolRequest, Renewed, Waiting
from sync.node import certificates, enrolling, keys
from sync.node.certificates import BadCertificateError, Leaf, Standing
from sync.node.passwords import Vault
from sync.node.ports import ManualClock, SeededChance
from tests.kit.hub_store import NAME, QUICK_COST, TENANT, HubKit, request

NODE = keys.make_identity(b"node" * 8)
OTHER = keys.make_identity(b"othr" * 8)
TLS_KEY = certificates.seeded_key(NODE.public.signing)
MUTUAL = Grants(TENANT, "broker.example", 8883, "https://example.com", tls="mutual")


@pytest.fixture
def hub(tmp_path, hub_database):
    return HubKit(hub_database, tmp_path, grants=MUTUAL)


@pytest.fixture
def careful(tmp_path, hub_database):
    return HubKit(hub_database, tmp_path, policy=Policy.REPLACEMENT)


def authority(folder, password=b"password", clock=None):
    return Authority(folder, password, TENANT, clock=clock or ManualClock(), chance=SeededChance("ca"))


def enrolled(hub, identity=NODE, store="s1"):
    granted = hub.enrolment.redeem(request(store, hub.enrolment.make_code(store, NAME).code, identity))
    assert isinstance(granted, Enrolled), granted
    return granted


def renewal(identity=NODE, epoch=1, node="node-1", key=TLS_KEY):
    return enrolling.make_renewal(identity, key, store="s1", epoch=epoch, node=node)


# ------------------------------------------------------------------------------------------------------------- the CA


def test_an_enrolled_node_gets_a_certificate_for_its_own_key_and_name_and_no_token(hub):
    granted = enrolled(hub)
    held = certificates.read(granted.certificate)
    assert held.common_name == "s1", "the broker cuts rights along the bare store id"
    assert held.uris == ("urn:zhanggui:zhanggui:s1:1:node-1",)
    assert held.public_key == certificates.public_key_of(TLS_KEY)
    assert certificates.belongs_to(granted.certificate, granted.ca)
    assert held.not_after_ms - hub.clock.now_ms() == certificates.LEAF_LIFE_MS
    assert (granted.broker.tls, granted.broker.ca, granted.broker.username, granted.broker.token) == (
        "mutual",
        granted.ca,
        "",
        "",
    )
    assert not (hub.folder / "broker-users.json").exists()


def test_whatever_a_request_asks_to_be_called_the_hub_decides(hub):
    code = hub.enrolment.make_code("s1", NAME).code
    sly = msgspec.structs.replace(request("s1", code, NODE), csr=certificates.request(TLS_KEY, "hub"))
    proof = keys.make_identity(b"node" * 8)
    sly = msgspec.structs.replace(sly, proof=enrolling._text(proof.sign(enrolling._bound(sly))))
    granted = hub.enrolment.redeem(sly)
    assert isinstance(granted, Enrolled)
    assert certificates.read(granted.certificate).common_name == "s1"


def test_no_store_may_be_called_like_the_hub(hub):
    with pytest.raises(BadStore, match="the broker knows the hub by that name"):
        hub.enrolment.make_code("hub", NAME)


def test_the_ca_survives_a_restart_and_another_key_file_cannot_open_it(tmp_path):
    first = authority(tmp_path)
    assert authority(tmp_path).ca == first.ca
    for name in ("ca-key.pem", "ca.pem"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert "ENCRYPTED" in (tmp_path / "ca-key.pem").read_text()
    with pytest.raises(BadCertificateError):
        authority(tmp_path, b"another hub's")
    (tmp_path / "ca-key.pem").unlink()
    with pytest.raises(BadCertificateError, match="restore the folder"):
        authority(tmp_path)


def test_servers_and_the_hub_get_their_own_and_a_new_one_in_good_time(tmp_path):
    clock = ManualClock()
    held = authority(tmp_path, clock=clock)
    certificate, key = held.server("web", ("hub.example", "10.0.0.1"))
    first = certificate.read_text()
    assert certificates.read(first).names == ("hub.example", "10.0.0.1")
    assert certificates.read(first).common_name == "zhanggui web", "no store can be called so"
    assert certificates.public_key_of(key.read_text()) == certificates.read(first).public_key
    clock.advance(certificates.RENEW_AFTER_MS - 3_600_000)
    held.server("web", ("hub.example", "10.0.0.1"))
    assert certificate.read_text() == first
    clock.advance(3_600_000)
    held.server("web", ("hub.example", "10.0.0.1"))
    assert certificate.read_text() != first
    held.server("web", ("other.example",))
    assert certificates.read(certificate.read_text()).names == ("other.example",)
    assert certificates.read(held.hub_client()[0].read_text()).common_name == "hub"


def test_what_a_broker_needs_is_written_for_its_owner_alone(tmp_path):
    names = tls_files.write_for_broker(authority(tmp_path / "ca"), tmp_path / "out", ("broker.example",))
    assert sorted(names) == ["broker-key.pem", "broker.pem", "ca.pem", "crl.pem"]
    assert {stat.S_IMODE((tmp_path / "out" / name).stat().st_mode) for name in names} == {0o600}
    assert "ca-key.pem" not in {path.name for path in (tmp_path / "out").iterdir()}


def test_a_revocation_reaches_the_brokers_folder_by_itself_and_its_group_may_read_where_the_folder_says_so(
    tmp_path, hub_database
):
    folder = tmp_path / "broker"
    told = Told(hub_database, tmp_path, folder)
    assert not folder.exists(), "nothing is made where nobody made a place"
    tls_files.write_for_broker(told.authority, folder, ("127.0.0.1",))
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    enrolled(told)
    assert told.enrolment.revoke("s1", 1)
    assert (folder / "crl.pem").read_text() == told.authority.crl
    assert certificates.revoked_serials(told.authority.crl) == {told.certificates("s1", 1)[0].serial}
    folder.chmod(0o2750)
    tls_files.refresh_crl(told.authority, folder)
    tls_files.write_for_broker(told.authority, folder, ("127.0.0.1",))
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o640}


def test_a_folder_of_the_broker_that_is_gone_stops_no_revocation_and_is_said(tmp_path, hub_database, caplog):
    told = Told(hub_database, tmp_path, tmp_path / "gone")
    enrolled(told)
    caplog.clear()
    assert told.enrolment.revoke("s1", 1)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["authority.crl_not_given"]
    assert certificates.revoked_serials(told.authority.crl) == {told.certificates("s1", 1)[0].serial}


class Told(HubKit):
    """A hub that gives the broker's folder each new list of revoked certificates."""

    def __init__(self, database, folder, broker):
        super().__init__(database, folder, grants=MUTUAL)
        self.enrolment = Enrolment(
            database, self.identity, Vault(b"pepper", QUICK_COST), self.users, MUTUAL, clock=self.clock,
            chance=self.chance, authority=self.authority, policy=Policy.NEVER,
            on_crl=lambda: tls_files.refresh_crl(self.authority, broker),
        )  # fmt: skip


def test_a_standing_is_told_at_its_very_edge(tmp_path):
    clock = ManualClock()
    held = authority(tmp_path, clock=clock)
    pem = held._issue(certificates.request(TLS_KEY, "x"), Leaf("x", "client"))
    facts = certificates.read(pem)
    made_ms = facts.not_before_ms
    life_ms = facts.not_after_ms - made_ms
    steps = [
        (made_ms - 1, Standing.EARLY),
        (made_ms, Standing.GOOD),
        (made_ms + life_ms * 2 // 3 - 1, Standing.GOOD),
        (made_ms + life_ms * 2 // 3, Standing.DUE),
        (facts.not_after_ms - 1, Standing.DUE),
        (facts.not_after_ms, Standing.EXPIRED),
    ]
    assert [facts.standing(at_ms) for at_ms, _ in steps] == [standing for _, standing in steps]


@pytest.mark.parametrize(
    "csr", ["", "x", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"]
)
def test_a_request_that_is_none_is_refused(hub, csr):
    code = hub.enrolment.make_code("s1", NAME).code
    refused = hub.enrolment.redeem(msgspec.structs.replace(request("s1", code, NODE), csr=csr))
    assert isinstance(refused, Refused)
    assert refused.code == "bad_key"


# --------------------------------------------------------------------------------------------------------- revocation


def test_a_revocation_closes_exactly_one_epoch_and_a_crash_before_the_list_is_made_up_for(hub, hub_database):
    first, second = enrolled(hub), enrolled(hub)
    serials = [certificates.read(one.certificate).serial for one in (first, second)]
    assert hub.enrolment.revoke("s1", 1)
    assert certificates.revoked_serials(hub.authority.crl) == {serials[0]}
    hub.authority.publish([])  # as if the process had died before it wrote the list
    HubKit(hub_database, hub.folder, grants=MUTUAL)
    assert certificates.revoked_serials(hub.authority.crl) == {serials[0]}


# ------------------------------------------------------------------------------------------------------------ renewal


def test_a_certificate_is_renewed_when_due_and_even_long_past_its_end(hub):
    first = enrolled(hub).certificate
    hub.clock.advance(certificates.RENEW_AFTER_MS - 3_600_000)
    early = hub.enrolment.renew(renewal())
    assert isinstance(early, Renewed)
    assert early.certificate == first, "asking often makes no new ones"
    hub.clock.advance(400 * certificates.DAY_MS)
    late = hub.enrolment.renew(renewal())
    assert isinstance(late, Renewed)
    assert certificates.read(late.certificate).standing(hub.clock.now_ms()) is Standing.GOOD
    assert hub.enrolment.renew(renewal()) == late
    assert len(hub.certificates("s1", 1)) == 2


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        (renewal(identity=OTHER), "renew_refused"),
        (renewal(epoch=2), "renew_refused"),
        (renewal(node="node-2"), "renew_refused"),
        (msgspec.structs.replace(renewal(), proof=""), "renew_refused"),
        (msgspec.structs.replace(renewal(), csr="x"), "bad_key"),
        (
            msgspec.structs.replace(renewal(), csr=certificates.request(certificates.seeded_key(b"thief"), "s1")),
            "renew_refused",
        ),
        (msgspec.structs.replace(renewal(), epoch=0), "bad_store"),
        (msgspec.structs.replace(renewal(), store="S 1"), "bad_store"),
    ],
)
def test_nobody_else_renews_and_nothing_else_is_renewed(hub, asked, refusal):
    enrolled(hub)
    refused = hub.enrolment.renew(asked)
    assert isinstance(refused, Refused)
    assert refused.code == refusal
    assert len(hub.certificates("s1", 1)) == 1


def test_a_revoked_node_gets_no_new_certificate(hub):
    enrolled(hub)
    hub.enrolment.revoke("s1", 1)
    refused = hub.enrolment.renew(renewal())
    assert isinstance(refused, Refused)
    assert refused.code == "revoked"


# ----------------------------------------------------------------------------------------------------------- the proof


def test_keys_put_in_on_the_way_are_refused_and_cost_the_store_no_try(hub):
    code = hub.enrolment.make_code("s1", NAME).code
    honest = request("s1", code, NODE)
    thiefs = request("s1", code, OTHER)
    for name in ("signing_public", "agreement_public", "csr", "proof", "node"):
        value = "node-9" if name == "node" else getattr(thiefs, name)
        refused = hub.enrolment.redeem(msgspec.structs.replace(honest, **{name: value}))
        assert isinstance(refused, Refused), name
        assert refused.code == "bad_proof", name
    assert isinstance(hub.enrolment.redeem(honest), Enrolled)


# ------------------------------------------------------------------------------------------------------------ approval


def ask(hub: HubKit, code: str, identity: keys.Identity = NODE) -> Enrolled | Waiting | Refused:
    sent: EnrolRequest = request("s1", code, identity)
    return hub.enrolment.redeem(sent)


def test_a_new_store_needs_nobody_and_a_live_one_a_person(careful):
    assert isinstance(ask(careful, careful.enrolment.make_code("s1", NAME).code), Enrolled)
    code = careful.enrolment.make_code("s1").code
    told = ask(careful, code, OTHER)
    assert isinstance(told, Waiting)
    assert told.fingerprint == enrolling.fingerprint(request("s1", code, OTHER)), "the node shows the same six groups"
    assert len(told.fingerprint.split("-")) == 6
    for _ in range(20):
        assert ask(careful, code, OTHER) == told, "asking again is no new try"
    (waiting,) = careful.enrolment.waiting()
    assert (waiting.store, waiting.epoch, waiting.fingerprint) == ("s1", 1, told.fingerprint)
    assert not careful.enrolment.decide("s1", "0000-" * 5 + "0000", approve=True, by="anna")
    assert isinstance(ask(careful, code, OTHER), Waiting)
    assert careful.enrolment.decide("s1", told.fingerprint.lower().replace("-", " "), approve=True, by="anna")
    granted = ask(careful, code, OTHER)
    assert isinstance(granted, Enrolled)
    assert granted.epoch == 2
    assert careful.enrolment.waiting() == ()
    assert ask(careful, code, OTHER) == granted, "a lost answer is told again"


def test_who_is_refused_stays_refused_and_a_new_code_begins_anew(careful):
    ask(careful, careful.enrolment.make_code("s1", NAME).code)
    code = careful.enrolment.make_code("s1").code
    told = ask(careful, code, OTHER)
    assert isinstance(told, Waiting)
    assert careful.enrolment.decide("s1", told.fingerprint, approve=False, by="anna")
    refused = ask(careful, code, OTHER)
    assert isinstance(refused, Refused)
    assert refused.code == "enrol_not_approved"
    assert not careful.enrolment.decide("s1", told.fingerprint, approve=True, by="anna"), "decided is decided"
    assert isinstance(ask(careful, careful.enrolment.make_code("s1").code, OTHER), Waiting)


def test_a_thief_who_is_quicker_with_the_code_is_shown_with_his_own_fingerprint(careful):
    ask(careful, careful.enrolment.make_code("s1", NAME).code)
    code = careful.enrolment.make_code("s1").code
    thief = ask(careful, code, OTHER)
    assert isinstance(thief, Waiting)
    third = keys.make_identity(b"thrd" * 8)
    honest = ask(careful, code, third)
    assert isinstance(honest, Refused)
    assert honest.code == "enrol_not_approved"
    mine = enrolling.fingerprint(request("s1", code, third))
    assert not careful.enrolment.decide("s1", mine, approve=True, by="anna"), "the people compare and say no"


@pytest.mark.parametrize(
    ("policy", "first", "second"),
    [(Policy.NEVER, Enrolled, Enrolled), (Policy.ALWAYS, Waiting, Waiting)],
)
def test_the_policy_can_be_never_or_always(tmp_path, hub_database, policy, first, second):
    hub = HubKit(hub_database, tmp_path, policy=policy)
    told = ask(hub, hub.enrolment.make_code("s1", NAME).code)
    assert isinstance(told, first)
    if isinstance(told, Waiting):
        assert hub.enrolment.decide("s1", told.fingerprint, approve=True, by="anna")
    assert isinstance(ask(hub, hub.enrolment.make_code("s1", NAME).code, OTHER), second)


# --------------------------------------------------------------------------------------------------------- brute force


class Guesses:
    """Counts how often a code was compared at all."""

    def __init__(self):
        self.looked_at = 0

    def watch(self, hub: HubKit) -> None:
        inner = hub.enrolment._codes

        def matches(activation, code):
            self.looked_at += 1
            return Codes.matches(inner, activation, code)

        vars(inner)["matches"] = matches


def test_a_thousand_guesses_are_five_tries_even_across_restarts_and_other_stores_go_on(tmp_path, hub_database):
    """Number 23 of ux-security §12, for enrolment."""
    hub = HubKit(hub_database, tmp_path)
    code = hub.enrolment.make_code("s1", NAME).code
    guesses, made = Guesses(), request("s1", "", OTHER)
    for number in range(1_000):
        if number % 250 == 0:
            hub = HubKit(hub_database, tmp_path)
            guesses.watch(hub)
        sent = msgspec.structs.replace(made, code=f"{number:010d}")
        sent = msgspec.structs.replace(sent, proof=enrolling._text(OTHER.sign(enrolling._bound(sent))))
        refused = hub.enrolment.redeem(sent)
        assert isinstance(refused, Refused)
        assert refused.code == "enrol_refused"
    assert guesses.looked_at == 5, "policy: five tries a code"
    assert isinstance(hub.enrolment.redeem(request("s1", code, NODE)), Refused), "the code is worn out"
    assert isinstance(hub.enrolment.redeem(request("s2", hub.enrolment.make_code("s2", NAME).code, OTHER)), Enrolled)
