"""The store's side of the up lanes, as a pure state machine: what to send next, after whatever happened.

It knows numbers only: heads, acknowledged seqs, time. `StoreLink` performs the effects.

Cases of a lost message, and why each is right:
1. A batch is lost: the next one makes the hub answer with `gap`, and we go back at once; the last one is found by
   the retransmission time-out.
2. An ack is lost: a later ack covers it, or the time-out sends facts again that the hub skips as duplicates.
3. HELLO or WELCOME is lost: HELLO is repeated under a new nonce; an answer to the old one is ignored.
4. The hub was restored to an earlier point: its WELCOME is lower than our ack, and we send from there again.
5. The hub restarted and knows no session: it acks with an empty session, and we say HELLO again.
6. An old HELLO arrived late or twice, and the hub answers to that session: we ignore its acks, and after the second
   time-out in a row, or after 20 s without an ack of ours where nothing is in flight, we say HELLO again.
7. Our HELLO comes twice, the second time after we sent more: it shows less than the hub holds by now and is refused
   as `rewind`. While the session is open that is no verdict but a reason to say HELLO again.
8. The hub died while the broker stands: its answers to our heartbeats stop, and after 20 s we say HELLO again, so the
   screen never shows a hub that is not there. When it rings its doorbell we greet at once.
9. A thousand stores come back together: after more than ten minutes without the hub each waits for its own share of a
   minute before it greets, and one whose turn to catch up has not come is told credit 0 and sends no facts until an ack,
   which its heartbeats fetch, says otherwise.
10. Our epoch was replaced: WELCOME says `fenced`. Our facts still go up, until the last one is acknowledged. A REJECT may
    say so too, to a copy of a node whose original was given a new epoch.
11. Our key was revoked: the signed REJECT is kept, and a HELLO at once says that it was heard; the hub may close the broker
    to us then. That the broker turns us away says nothing: it is believed in nothing.
12. The broker is reached and nobody answers our HELLO. After 20 s that is a state with a name; where the hub rings its doorbell
    meanwhile, it is there and does not know us.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from sync.contract.limits import BATCH_FACTS_MAX
from sync.contract.messages import Ack, Reject, Welcome

RTO_MIN_MS = 2_000
RTO_MAX_MS = 60_000
REFUSED_RETRY_MS = 30_000
GAP_QUIET_MS = 500
SILENCE_MS = 20_000
"""The hub answers every heartbeat, one in five seconds: so long without a word means that it is away."""
LONG_OUTAGE_MS = 600_000
"""Without the hub for longer than this, a store does not return alone: it takes its place before it greets."""
SILENT_BACKOFF_MAX = 16
"""A hub that welcomes but never acknowledges is still asked more and more rarely, up to this many time-outs."""
ASKED_AGAIN_MS = 120_000
"""While HELLO is repeated no two are further apart; after a longer pause the silence counts from anew."""
REVOKED = "revoked"
LANES = (0, 1)


@dataclass(frozen=True)
class Pace:
    """How the uplink spaces its work, in ms."""

    linger_ms: tuple[int, int] = (250, 2_000)
    """How long a lane waits for more facts before it sends a batch that is not full: trade, operations."""
    hello_delay_ms: int = 0
    """Waited before HELLO after a long outage, so that a thousand stores do not return in one instant."""


class Phase(StrEnum):
    """Where the session stands."""

    DOWN = "down"
    GREETING = "greeting"
    OPEN = "open"
    REFUSED = "refused"


@dataclass(frozen=True)
class SendHello:
    """Publish HELLO with a fresh nonce."""


@dataclass(frozen=True)
class SendFacts:
    """Publish a batch of a lane; the performer may cut it shorter and must report `sent` or `not_sent`."""

    lane: int
    first: int
    last: int


@dataclass(frozen=True)
class KeepAck:
    """Store the hub's word on a lane durably."""

    lane: int
    seq: int
    chain: bytes


@dataclass(frozen=True)
class Alarm:
    """Something a person must see; `detail` is a reason code."""

    detail: str


@dataclass(frozen=True)
class KeepDurable:
    """Store durably how far a lane is in a backup of the hub too."""

    lane: int
    seq: int


@dataclass(frozen=True)
class KeepFenced:
    """Note durably that this epoch was replaced."""


@dataclass(frozen=True)
class KeepRevoked:
    """Note durably that this epoch's key was revoked."""


Effect = SendHello | SendFacts | KeepAck | KeepDurable | KeepFenced | KeepRevoked | Alarm


@dataclass
class _Lane:
    head: int = 0
    acked: int = 0
    next: int = 1
    unsent_since_ms: int | None = None
    gap: int = 0
    gap_ms: int = 0
    durable: int | None = None


@dataclass
class _Flight:
    lane: int
    last: int
    sent_ms: int
    again: bool


@dataclass
class Uplink:
    """The machine. Feed it with what happened; perform what it returns, in order."""

    pace: Pace = field(default_factory=Pace)
    phase: Phase = Phase.DOWN
    refusal: str = ""
    lanes: dict[int, _Lane] = field(default_factory=lambda: {lane: _Lane() for lane in LANES})
    credit: int = 4
    fenced: bool = False
    retry_after_ms: int = 0
    _flights: deque[_Flight] = field(default_factory=deque)
    _heard_ms: int | None = None
    _answered_ms: int = 0
    _greet_at_ms: int | None = None
    _asked_ms: tuple[int, int] | None = None
    """When the first and the last HELLO was sent that nobody answered yet."""
    _rung_ms: int | None = None
    """When the hub first rang its doorbell while the silence had lasted long already."""
    _srtt_ms: float | None = None
    _backoff: int = 1
    _silent: bool = False

    def link_up(self, now_ms: int) -> list[Effect]:
        """The transport is connected: greet, after the delay that spreads the stores."""
        self.phase = Phase.GREETING
        self._flights.clear()
        self._backoff = 1
        self._silent = False
        if self._asked_ms is not None and now_ms - self._asked_ms[1] > ASKED_AGAIN_MS:
            self._answer_came()
        self._greet_at_ms = now_ms + self._place_ms(now_ms)
        return self.tick(now_ms)

    def link_down(self) -> None:
        """The transport is gone; what was in flight counts as not sent."""
        self.phase = Phase.DOWN
        self._rewind()

    def heads(self, heads: dict[int, int], now_ms: int) -> list[Effect]:
        """Facts were committed: note the lanes' last seqs."""
        for lane, head in heads.items():
            state = self.lanes[lane]
            state.head = max(state.head, head)
            if state.unsent_since_ms is None and state.next <= state.head:
                state.unsent_since_ms = now_ms
        return self._send(now_ms)

    def welcome(self, message: Welcome, now_ms: int) -> list[Effect]:
        """The hub opened the session: go on from its word, even where that is lower than before."""
        if self.phase is not Phase.GREETING:
            return []
        effects: list[Effect] = []
        self.phase = Phase.OPEN
        self._answer_came()
        self._heard_ms = self._answered_ms = now_ms
        self.refusal = ""
        self.credit = message.credit
        self.retry_after_ms = 0
        self._flights.clear()
        if message.fenced and not self.fenced:
            self.fenced = True
            effects.append(KeepFenced())
        self._backoff = min(self._backoff, SILENT_BACKOFF_MAX) if self._silent else 1
        for lane, state in self.lanes.items():
            held = message.lanes.get(lane)
            if held is None:
                continue
            state.acked = held.seq
            state.next = held.seq + 1
            # What waited for the session has lingered long enough.
            state.unsent_since_ms = 0 if state.next <= state.head else None
            effects.append(KeepAck(lane, held.seq, held.chain))
        return effects + self._send(now_ms)

    def reject(self, message: Reject, now_ms: int) -> list[Effect]:
        """The hub refused the session: stop sending, say why, try again later."""
        self._answer_came()
        effects: list[Effect] = []
        if message.fenced and not self.fenced:
            self.fenced = True
            effects.append(KeepFenced())
        if message.reason == "rewind" and self.phase is Phase.OPEN:
            # Case 7: the hub judged a late copy of our greeting by what it holds now. A fresh one tells the truth.
            return effects + self.session_lost(now_ms)
        is_news = message.reason != self.refusal
        self.phase = Phase.REFUSED
        self.refusal = message.reason
        self._rewind()
        self._greet_at_ms = now_ms + REFUSED_RETRY_MS
        effects.append(Alarm(message.reason))
        if message.reason == REVOKED and is_news:
            # Case 11, in this order: what is said to have been heard is kept by then.
            self._ask(now_ms)
            effects += [KeepRevoked(), SendHello()]
        return effects

    def ack(self, message: Ack, now_ms: int) -> list[Effect]:
        """The hub stored something, or asks for what it misses."""
        if self.phase is not Phase.OPEN or message.lane not in self.lanes:
            return []
        state = self.lanes[message.lane]
        self._answered_ms = now_ms
        self.credit = message.credit
        self.retry_after_ms = message.retry_after_ms
        effects: list[Effect] = []
        if message.durable_seq is not None and message.durable_seq != state.durable:
            state.durable = message.durable_seq
            effects.append(KeepDurable(message.lane, message.durable_seq))
        if message.seq > state.acked:
            self._landed(message.lane, message.seq, now_ms)
            state.acked = message.seq
            state.next = max(state.next, message.seq + 1)
            effects.append(KeepAck(message.lane, message.seq, message.chain))
        if message.gap is not None and message.gap == state.acked + 1 and state.next > message.gap:
            # Every batch behind the hole is answered with the same gap: one rewind serves them all.
            if state.gap != message.gap or now_ms - state.gap_ms >= GAP_QUIET_MS:
                state.gap, state.gap_ms = message.gap, now_ms
                self._rewind_lane(message.lane)
        return effects + self._send(now_ms)

    def heard(self, now_ms: int) -> None:
        """Something came that only the hub can have sealed."""
        self._heard_ms = now_ms

    def rang(self, now_ms: int) -> list[Effect]:
        """The hub rang its doorbell just now, so it is there: greet at once instead of after a long pause."""
        if self.phase is not Phase.GREETING:
            return []
        if self._rung_ms is None and self.is_unanswered(now_ms):
            self._rung_ms = now_ms
        self._backoff = 1
        self._greet_at_ms = min(self._greet_at_ms or now_ms, now_ms + self._place_ms(now_ms))
        return self.tick(now_ms)

    def session_lost(self, now_ms: int) -> list[Effect]:
        """The hub does not know our session (it restarted): greet again."""
        if self.phase is not Phase.OPEN:
            return []
        self.phase = Phase.GREETING
        self._rewind()
        self._greet_at_ms = now_ms
        return self.tick(now_ms)

    def sent(self, lane: int, last: int, now_ms: int) -> list[Effect]:
        """A batch went out up to `last`: note it and see whether the window allows another."""
        state = self.lanes[lane]
        self._flights.append(_Flight(lane, last, now_ms, again=self._backoff > 1))
        state.next = last + 1
        if state.next > state.head:
            state.unsent_since_ms = None
        # What is left has waited as long: a batch that was full by its size must not make the rest linger anew.
        return self._send(now_ms)

    def tick(self, now_ms: int) -> list[Effect]:
        """Time passed: repeat a greeting, find what was lost, send what has lingered long enough."""
        if self.phase in {Phase.GREETING, Phase.REFUSED} and self._greet_at_ms is not None:
            if now_ms >= self._greet_at_ms:
                self.phase = Phase.GREETING
                self._greet_at_ms = now_ms + self.rto_ms
                self._backoff = min(self._backoff * 2, 32)
                self._ask(now_ms)
                return [SendHello()]
            return []
        if self.phase is not Phase.OPEN:
            return []
        if now_ms - self._answered_ms >= SILENCE_MS:
            return self.session_lost(now_ms)
        if self._flights and now_ms - self._flights[0].sent_ms >= self.rto_ms:
            if self._backoff > 1:
                self._silent = True
                return self.session_lost(now_ms)
            self._backoff = 2
            self._rewind()
            for state in self.lanes.values():
                state.unsent_since_ms = 0 if state.next <= state.head else None
        return self._send(now_ms)

    @property
    def rto_ms(self) -> int:
        """The retransmission time-out: four smoothed round trips, 2 to 60 s, doubled while nothing is heard."""
        base = RTO_MIN_MS if self._srtt_ms is None else max(RTO_MIN_MS, int(4 * self._srtt_ms))
        return min(base * self._backoff, RTO_MAX_MS)

    @property
    def waiting(self) -> dict[int, int]:
        """How many facts of each lane the hub has not acknowledged."""
        return {lane: max(0, state.head - state.acked) for lane, state in self.lanes.items()}

    def is_unanswered(self, now_ms: int) -> bool:
        """Say whether the broker is reached and nobody has answered our HELLO for long."""
        return self.phase is not Phase.DOWN and self._asked_ms is not None and now_ms - self._asked_ms[0] >= SILENCE_MS

    def is_ignored(self, now_ms: int) -> bool:
        """Say whether the hub is there, by its doorbell, and has left our HELLOs unanswered for long since."""
        return self.is_unanswered(now_ms) and self._rung_ms is not None and now_ms - self._rung_ms >= SILENCE_MS

    def _ask(self, now_ms: int) -> None:
        self._asked_ms = (now_ms if self._asked_ms is None else self._asked_ms[0]), now_ms

    def _answer_came(self) -> None:
        self._asked_ms = None
        self._rung_ms = None

    def _place_ms(self, now_ms: int) -> int:
        """Give what to wait before a greeting: nothing when we were not away for long, or never were there."""
        long_away = self._heard_ms is not None and now_ms - self._heard_ms >= LONG_OUTAGE_MS
        return self.pace.hello_delay_ms if long_away else 0

    def _send(self, now_ms: int) -> list[Effect]:
        if self.phase is not Phase.OPEN or len(self._flights) >= self.credit:
            return []
        for lane in LANES:
            state = self.lanes[lane]
            unsent = state.head - state.next + 1
            if unsent <= 0:
                continue
            since = now_ms if state.unsent_since_ms is None else state.unsent_since_ms
            if unsent >= BATCH_FACTS_MAX or now_ms - since >= self.pace.linger_ms[lane]:
                return [SendFacts(lane, state.next, min(state.head, state.next + BATCH_FACTS_MAX - 1))]
            if lane == 0:
                # Trade drains first: operations wait until every trade fact is on its way.
                return []
        return []

    def _landed(self, lane: int, seq: int, now_ms: int) -> None:
        kept: deque[_Flight] = deque()
        for flight in self._flights:
            if flight.lane != lane or flight.last > seq:
                kept.append(flight)
            elif not flight.again:
                # Karn's rule: a batch that was sent twice says nothing about the round trip.
                sample = float(now_ms - flight.sent_ms)
                self._srtt_ms = sample if self._srtt_ms is None else 0.875 * self._srtt_ms + 0.125 * sample
        self._flights = kept
        self._backoff = 1
        self._silent = False

    def _rewind_lane(self, lane: int) -> None:
        state = self.lanes[lane]
        state.next = state.acked + 1
        state.unsent_since_ms = 0 if state.next <= state.head else None
        self._flights = deque(flight for flight in self._flights if flight.lane != lane)

    def _rewind(self) -> None:
        for lane in self.lanes:
            self._rewind_lane(lane)
