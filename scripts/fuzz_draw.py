"""Draws hostile messages for a hub and a store, from what both said before and from what a forger can make."""

import random
from collections.abc import Callable

from scripts.fuzz_forge import (
    DAMAGE,
    Claims,
    Lane,
    Pen,
    Wire,
    bomb,
    facts_of,
    headers,
    packed_nonsense,
    places,
    spliced,
)
from scripts.fuzz_pair import STORE, Wirepair
from scripts.sim_hub import TENANT
from sync.contract import messages, topics
from sync.contract.envelope import MessageKind
from sync.contract.messages import Ack, Answer, Chunk, Doorbell, Operation, StreamBatch, Welcome
from sync.node import sealing


class Forger:
    """Draws hostile messages for one pair."""

    def __init__(self, pair: Wirepair, seed: str) -> None:
        """Begin a series of draws."""
        self._pair = pair
        self.chance = random.Random(seed)
        self._to_hub: dict[str, Callable[[], Wire]] = {
            **{kind: self._damaged_up(damage) for kind, damage in DAMAGE.items()},
            "spliced": self._spliced_up,
            "replayed": self._replayed_up,
            "misplaced": self._misplaced_up,
            "bad_topic": self._bad_topic,
            "foreign_signed": lambda: self._facts(pair.up_stranger, self._as(pair.up)),
            "foreign_sealed": lambda: self._facts(pair.alien),
            "wrong_direction": lambda: self._facts(pair.wrong_way),
            "wrong_name": self._wrong_name,
            "header_games": lambda: self._facts(pair.up, headers(self.chance)),
            "seq_games": lambda: self._facts(pair.up, places(self._lane(), self.chance)),
            "chain_games": lambda: self._facts(pair.up, {"chain_after": self.chance.randbytes(32)}),
            "zip_bomb": lambda: self._body_up(packed=bomb(self.chance)),
            "not_compressed": lambda: self._body_up(packed=self.chance.randbytes(200)),
            "nonsense": self._nonsense_up,
        }
        self._to_store: dict[str, Callable[[], Wire]] = {
            **{kind: self._damaged_down(damage) for kind, damage in DAMAGE.items()},
            "spliced": self._spliced_down,
            "replayed": lambda: self.chance.choice(pair.downs),
            "misplaced": self._misplaced_down,
            "foreign_signed": lambda: self._word(pair.down_stranger, self._as(pair.down)),
            "foreign_sealed": lambda: self._word(pair.alien),
            "wrong_name": lambda: self._word(self._renamed(pair.down)),
            "header_games": lambda: self._word(pair.down, headers(self.chance)),
            "zip_bomb": lambda: (pair.names.ack, pair.down.seal(MessageKind.ACK, b"", packed=bomb(self.chance))),
            "nonsense": self._nonsense_down,
            "another_session": lambda: self._word(pair.down),
            "doorbell": self._doorbell,
        }

    def to_hub(self) -> tuple[str, Wire]:
        """Draw one for the hub: what is wrong with it, and the message."""
        kind = self.chance.choice(list(self._to_hub))
        return kind, self._to_hub[kind]()

    def to_store(self) -> tuple[str, Wire]:
        """Draw one for the store."""
        kind = self.chance.choice(list(self._to_store))
        return kind, self._to_store[kind]()

    # ----------------------------------------------------------------------------------------------------- to the hub

    def _lane(self) -> Lane:
        return self._pair.hub_lane()

    def _genuine_up(self) -> Wire:
        return self.chance.choice(self._pair.ups)

    def _damaged_up(self, damage: Callable[[bytes, random.Random], bytes]) -> Callable[[], Wire]:
        def make() -> Wire:
            topic, payload = self._genuine_up()
            return topic, _changed(payload, damage, self.chance)

        return make

    def _spliced_up(self) -> Wire:
        (topic, payload), (_, other) = self._genuine_up(), self._genuine_up()
        return topic, _changed(payload, lambda wire, chance: spliced(wire, other, chance), self.chance)

    def _replayed_up(self) -> Wire:
        return self.chance.choice([wire for wire in self._pair.ups if "/u/" in wire[0]])

    def _misplaced_up(self) -> Wire:
        names, (topic, payload) = self._pair.names, self._genuine_up()
        others = {names.hello, names.heartbeat, names.pull, names.facts(0), names.facts(1)} - {topic}
        return self.chance.choice(sorted(others)), payload

    def _bad_topic(self) -> Wire:
        topic, payload = self._genuine_up()
        return self.chance.choice((
            topic.replace(STORE, "nobody"), topic.replace(TENANT, "another"), topic + "/x", "rs1", "", topic + "/u/9",
            topic.replace("rs1", "rs2"), "rs1/999/" + topic, topic.rsplit("/", 1)[0] + "/\u0000",
        )), payload  # fmt: skip

    def _facts(self, pen: Pen, claims: Claims | None = None) -> Wire:
        return self._pair.names.facts(0), facts_of(pen, self._lane(), self.chance, claims)

    def _as(self, pen: Pen) -> Claims:
        """Claim to be another signer, or forget to."""
        claims: tuple[Claims, ...] = ({"key_id": pen.signer.public.key_id}, {})
        return self.chance.choice(claims)

    def _renamed(self, pen: Pen) -> Pen:
        return pen.under(**self.chance.choice(({"epoch": 2}, {"epoch": 7}, {"store": "other"}, {"tenant": "other"})))

    def _wrong_name(self) -> Wire:
        return self._facts(self._renamed(self._pair.up))

    def _body_up(self, *, packed: bytes) -> Wire:
        lane = self._lane()
        claims: Claims = {
            "first_seq": lane.seq + 1,
            "count": 1,
            "chain_before": lane.chain,
            "chain_after": bytes(32),
        }
        return self._pair.names.facts(0), self._pair.up.seal(MessageKind.FACTS, b"", claims, packed=packed)

    def _nonsense_up(self) -> Wire:
        names = self._pair.names
        kind, topic = self.chance.choice((
            (MessageKind.HELLO, names.hello), (MessageKind.HEARTBEAT, names.heartbeat), (MessageKind.PULL, names.pull),
        ))  # fmt: skip
        return topic, self._pair.up.seal(kind, packed_nonsense(self.chance))

    # --------------------------------------------------------------------------------------------------- to the store

    def _damaged_down(self, damage: Callable[[bytes, random.Random], bytes]) -> Callable[[], Wire]:
        def make() -> Wire:
            topic, payload = self.chance.choice(self._pair.downs)
            return topic, _changed(payload, damage, self.chance)

        return make

    def _spliced_down(self) -> Wire:
        (topic, payload), (_, other) = self.chance.choice(self._pair.downs), self.chance.choice(self._pair.downs)
        return topic, _changed(payload, lambda wire, chance: spliced(wire, other, chance), self.chance)

    def _misplaced_down(self) -> Wire:
        names = self._pair.names
        topic = self.chance.choice((names.welcome, names.ack, names.data, topics.doorbell(TENANT), names.hello))
        return topic, self._genuine_up()[1]

    def _word(self, pen: Pen, claims: Claims | None = None) -> Wire:
        """Say something that would matter if it came from the hub in this session."""
        names, seq = self._pair.names, self.chance.choice((0, 1, 5, 10**9, 2**63 - 1))
        session, chain = self.chance.randbytes(12), self.chance.randbytes(32)
        operation = Operation(version=seq, op="put", key="menu", value=b"{}")
        topic, kind, body = self.chance.choice((
            (names.ack, MessageKind.ACK, Ack(session=session, lane=0, seq=seq, chain=chain, credit=9, hub_ms=seq)),
            (names.welcome, MessageKind.WELCOME, Welcome(nonce=session, lanes={}, credit=9, streams={"menu": seq}, hub_ms=seq)),
            (names.data, MessageKind.STREAM, StreamBatch(stream="menu", after=0, head=seq, operations=(operation,),
                                                         checksum=chain, session=session)),
            (names.data, MessageKind.CHUNK, Chunk(stream="menu", digest=chain, data=chain, session=session)),
            (names.data, MessageKind.ANSWER, Answer(id=session, verdict="done", body=b"{}")),
        ))  # fmt: skip
        return topic, pen.seal(kind, messages.encode(body), claims)

    def _nonsense_down(self) -> Wire:
        names = self._pair.names
        kind = self.chance.choice(
            (MessageKind.ACK, MessageKind.WELCOME, MessageKind.REJECT, MessageKind.STREAM, MessageKind.CHUNK)
        )
        topic = self.chance.choice((names.ack, names.welcome, names.data))
        return topic, self._pair.down.seal(kind, packed_nonsense(self.chance))

    def _doorbell(self) -> Wire:
        """Ring at the door as a stranger, or with a damaged hand."""
        bell = Doorbell(streams={"menu": 10**12, "stores": 2**62}, hub_ms=2**62)
        topic = topics.doorbell(TENANT)
        if self.chance.random() < 0.5:  # noqa: PLR2004 - heads or tails
            return topic, sealing.seal_doorbell(self._pair.up_stranger.signer, bell)
        genuine = sealing.seal_doorbell(self._pair.hub.identity, bell)
        return topic, _changed(genuine, self.chance.choice(list(DAMAGE.values())), self.chance)


def _changed(payload: bytes, damage: Callable[[bytes, random.Random], bytes], chance: random.Random) -> bytes:
    """Damage a message until it is another one."""
    while (out := damage(payload, chance)) == payload:
        pass
    return out
