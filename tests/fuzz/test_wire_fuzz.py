"""Hostile messages at the hub and at a store: nothing is applied, everything is refused with a reason (ux-security §12, 11)."""

import json
import os
import random

import pytest

from scripts import fuzz_forge, fuzz_wire
from scripts.fuzz_draw import Forger
from scripts.fuzz_pair import Wirepair
from sync.contract import envelope
from sync.contract.facts import ContractError
from sync.node import sealing

DEEP = bool(os.environ.get("ZHANGGUI_DEEP"))
MESSAGES = 10_000 if DEEP else 1_000
REASONS = {
    "bad_body", "bad_chain", "bad_compression", "bad_count", "bad_header", "bad_place", "bad_seal", "bad_signature", "bad_suite",
    "bad_topic", "foreign", "garbage", "misplaced", "oversized", "replayed", "truncated", "unknown_key", "zip_bomb",
}  # fmt: skip


@pytest.mark.timeout(300)
def test_no_hostile_message_is_applied_and_each_is_counted_with_its_reason(capsys):
    assert fuzz_wire.main(["--n", str(MESSAGES), "--seed", "5", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["ok"], told["messages"], told["applied"], told["raised"]) == (True, MESSAGES, 0, 0)
    assert told["quarantined"] + told["harmless"] == MESSAGES
    assert told["harmless"] == told["reasons"]["replayed"]
    assert set(told["reasons"]) >= REASONS
    assert told["honest_facts"] > 0, "what is honest comes through in between"
    assert told["rss_growth_mb"] < 32


def test_a_hub_that_does_not_look_at_signatures_is_noticed(capsys):
    """The negative control: the same messages, the check of signatures off."""
    assert fuzz_wire.main(["--n", "1000", "--seed", "5", "--break", "signature", "--json"]) == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["ok"] is False
    assert told["applied"] > 0


@pytest.fixture(scope="module")
def pair():
    made = Wirepair("fuzz test")
    yield made
    made.close()


def test_what_a_forger_makes_is_taken_when_nothing_is_wrong_with_it(pair):
    """The negative control of the claims: the forged batch is a good one but for what is said to be wrong."""
    lane = pair.hub_lane()
    wire = fuzz_forge.facts_of(pair.up, lane, random.Random(1))
    stranger = fuzz_forge.facts_of(pair.up_stranger, lane, random.Random(1), {"key_id": pair.up.signer.public.key_id})
    pair.ingest.receive([(pair.names.facts(0), stranger)])
    assert pair.hub_lane() == lane
    pair.ingest.receive([(pair.names.facts(0), wire)])
    assert pair.hub_lane().seq == lane.seq + 2


def test_every_kind_of_message_is_drawn(pair):
    forger = Forger(pair, "kinds")
    assert len({forger.to_hub()[0] for _ in range(600)}) >= 17
    assert len({forger.to_store()[0] for _ in range(600)}) >= 14


def test_a_bomb_is_refused_before_it_is_unpacked(pair):
    chance = random.Random(3)
    opener = sealing.Opener(pair.up.signer.public.signing, pair.up.key, pair.party)
    refused = set()
    for _ in range(20):
        wire = pair.up.seal(envelope.MessageKind.FACTS, b"", packed=fuzz_forge.bomb(chance))
        with pytest.raises(ContractError) as caught:
            opener.open(envelope.take_apart(wire))
        refused.add(str(caught.value))
    assert refused == {"zip_bomb", "bad_compression"}
