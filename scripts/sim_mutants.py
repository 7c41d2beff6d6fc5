"""The guards of the protocol, each switched off in turn: a simulation that does not notice is worth nothing.

Nothing here is a switch in the product but `receiver.Rules`, which stands there for this very purpose; the rest are
subclasses that spoil one rule and leave everything else as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cloud.db.engine import Reader
from cloud.jobs import DOORBELL_EVERY_MS
from cloud.services.gate import Arrival, End
from cloud.services.ingest import _Bunch
from scripts.sim_hub import SimIngest
from sync.contract import envelope
from sync.contract.messages import Ack, Hello, LaneCheckpoint, Reject, Welcome
from sync.engine import receiver
from sync.engine.downlink import Downlink, SendPull
from sync.engine.receiver import Rules
from sync.engine.store_link import StoreLink
from sync.engine.uplink import Effect, Phase, Uplink

NEVER_MS = 10**12


class ChainBlind(SimIngest):
    """Takes what continues by number, whatever history it continues."""

    def _take_facts(self, reader: Reader, bunch: _Bunch, one: Arrival) -> None:
        lane = self._lane(reader, bunch, one)
        held = LaneCheckpoint(lane.seq, lane.chain)
        place = receiver.judge_place(one.header.first_seq, one.header.count, held, self._rules)
        if not isinstance(place, int):
            super()._take_facts(reader, bunch, one)
            return
        raws = envelope.unframe_facts(one.plain, one.header.count)
        bunch.saw(one.store, self._keep(bunch, one, lane, raws[place:]))
        bunch.acks[one.store, one.epoch, one.header.lane] = (one.end, None)


class WatermarkIngest(SimIngest):
    """Acknowledges the highest seq it ever saw instead of the contiguous one."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(*arguments, **named)
        self._highest: dict[tuple[str, int, int], int] = {}

    def _take_facts(self, reader: Reader, bunch: _Bunch, one: Arrival) -> None:
        key = (one.store, one.epoch, one.header.lane)
        last_seq = one.header.first_seq + one.header.count - 1
        self._highest[key] = max(self._highest.get(key, 0), last_seq)
        super()._take_facts(reader, bunch, one)

    def _acknowledge(self, bunch: _Bunch, end: End, *, store: str, epoch: int, lane: int, gap: int | None) -> None:
        key = (store, epoch, lane)
        held = bunch.lanes[key]
        if self._highest.get(key, 0) > held.seq:
            bunch.lanes[key], gap = msgspec.structs.replace(held, seq=self._highest[key]), None
        super()._acknowledge(bunch, end, store=store, epoch=epoch, lane=lane, gap=gap)
        bunch.lanes[key] = held


class TrustingIngest(SimIngest):
    """Welcomes whoever greets: neither a rolled-back nor a forked store is sent away."""

    def _refusal(self, reader: Reader, bunch: _Bunch, one: Arrival, hello: Hello) -> str | None:
        refusal = super()._refusal(reader, bunch, one, hello)
        return None if refusal in {"rewind", "fork"} else refusal


class SessionBlind(StoreLink):
    """Takes any answer of the hub for an answer to the last greeting."""

    def _ack(self, ack: Ack, proof: bytes) -> None:
        super()._ack(msgspec.structs.replace(ack, session=self._session) if ack.session else ack, proof)

    def _welcome(self, welcome: Welcome, proof: bytes) -> None:
        super()._welcome(msgspec.structs.replace(welcome, nonce=self._session), proof)


class SilentIngest(SimIngest):
    """Lets heartbeats pass without a word."""

    def _answer_heartbeat(self, reader: Reader, bunch: _Bunch, one: Arrival) -> None:
        pass


class _NeverLonely(Uplink):
    """Takes silence for consent."""

    def tick(self, now_ms: int) -> list[Effect]:
        self.heard(now_ms)
        return super().tick(now_ms)


class SilenceBlind(StoreLink):
    """Never wonders whether the hub is still there."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(**named)
        self._uplink = _NeverLonely(pace=self._uplink.pace)
        self._committed()


class _Obedient(Uplink):
    """Takes a late refusal of its greeting for a verdict."""

    def reject(self, message: Reject, now_ms: int) -> list[Effect]:
        self.phase = Phase.REFUSED
        return super().reject(message, now_ms)


class VerdictBlind(StoreLink):
    """Gives up an open session when a late copy of its greeting is refused."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(**named)
        self._uplink = _Obedient(pace=self._uplink.pace)
        self._committed()


class _Incurious(Downlink):
    """Pulls only what is newer."""

    def opened(self, heads: dict[str, int], now_ms: int) -> list[SendPull]:
        return self.heard(heads, now_ms)


class StreamBlind(StoreLink):
    """Never compares a stream with the hub's unless the hub names a newer version."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(**named)
        whole = self._streams.downlink
        self._streams.downlink = _Incurious(whole.names)
        for name in whole.names:
            self._streams.downlink.held(name, whole.version(name))


class _NeverBack(Uplink):
    """Sends nothing twice within a session."""

    def _rewind_lane(self, lane: int) -> None:
        goes_on = self.lanes[lane].next
        super()._rewind_lane(lane)
        self.lanes[lane].next = goes_on


class RewindBlind(StoreLink):
    """Answers neither a gap nor silence by sending again."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(**named)
        self._uplink = _NeverBack(pace=self._uplink.pace)
        self._committed()


@dataclass(frozen=True)
class Mutant:
    """A world with one guard off."""

    guard: str
    rules: Rules = field(default_factory=Rules)
    make_ingest: type[SimIngest] = SimIngest
    make_link: Callable[..., StoreLink] = StoreLink
    doorbell_every_ms: int = DOORBELL_EVERY_MS


WHOLE = Mutant("none: every guard is on")
MUTANTS = {
    "dedupe_off": Mutant("facts that are held are skipped", rules=Rules(dedupe=False)),
    "contiguity_off": Mutant("nothing is taken behind a gap", rules=Rules(contiguous=False)),
    "ack_before_commit": Mutant("nothing is acknowledged before its commit", rules=Rules(ack_after_commit=False)),
    "watermark_ack": Mutant("only what is contiguous is acknowledged", make_ingest=WatermarkIngest),
    "chain_check_off": Mutant("a batch must continue the history that is held", make_ingest=ChainBlind),
    "rollback_welcomed": Mutant("a store that fell behind its own word is sent away", make_ingest=TrustingIngest),
    "session_ignored": Mutant("only answers to the last greeting count", make_link=SessionBlind),
    "doorbell_rung_once": Mutant("a lost doorbell is rung again", doorbell_every_ms=NEVER_MS),
    "quiet_store_unasked": Mutant(
        "a store without news learns that the hub restarted", make_ingest=SilentIngest, make_link=SilenceBlind
    ),
    "late_refusal_obeyed": Mutant("a late copy of a greeting is no verdict", make_link=VerdictBlind),
    "stream_unchecked": Mutant("a stream is checked against the hub's at each welcome", make_link=StreamBlind),
    "rewind_off": Mutant("what was lost is sent again", make_link=RewindBlind),
}
