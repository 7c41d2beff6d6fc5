"""The way to the hub: keys, transport, protocol, and the one thread that owns them."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from edge.db import handover, journal
from edge.services.hub import enrolment
from edge.services.hub.enrolment import Enrolment
from edge.services.hub.outbox import NodeOutbox
from edge.services.node import VERSION, Node
from edge.wiring import certificate
from sync.contract import streams, topics
from sync.contract.facts import genesis
from sync.engine.mqtt import MqttSettings, MqttTransport
from sync.engine.redial import Redial
from sync.engine.store_link import LinkIdentity, LinkStatus, StoreLink
from sync.engine.store_links import StoreLinks
from sync.engine.tls import TlsFiles
from sync.engine.transport import Transport, Will
from sync.engine.uplink import Pace, Phase
from sync.node import keys, sealing
from sync.node.generations import Ring
from sync.node.ports import Chance
from sync.node.watchdog import Pulse

LINK_WAIT_S = 0.05
HELLO_SPREAD_MS = 60_000
"""Over so long the stores of a tenant spread when they return after a long outage (protocol §5.2)."""
STOP_S = 5
HUNG_AFTER_MS = 60_000
"""A tick waits for a twentieth of a second; one that takes a minute never comes back."""

log = logging.getLogger(__name__)


class LinkThread:
    """The one thread that owns the way to the hub."""

    def __init__(
        self,
        links: StoreLinks,
        transport: MqttTransport,
        pulse: Pulse,
        keys_are_due: Callable[[], bool],
        redial: Redial,
    ) -> None:
        self._links = links
        self._redial = redial
        self._transport = transport
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hub-link", daemon=True)
        self._pulse = pulse
        self._keys_are_due = keys_are_due

    def alive(self) -> bool:
        """Say whether the thread runs and comes round."""
        return self._thread.is_alive() and self._pulse.within(HUNG_AFTER_MS)

    @property
    def status(self) -> LinkStatus:
        """The session as the screen shows it."""
        return self._links.status

    @property
    def trouble(self) -> str:
        """Why the hub is not reached, a code of `sync.engine.troubles`; empty while it is, or nothing is known."""
        return self._transport.trouble or self.status.trouble

    @property
    def hub_versions(self) -> dict[str, int]:
        """The hub's versions of the streams that are followed, as far as they were heard of."""
        return self._links.now.hub_versions

    def renew(self) -> None:
        """Connect anew, with the certificate and the link keys of now."""
        self._transport.renew()

    def start(self) -> None:
        """Connect, and keep facts moving."""
        self._transport.start()
        self._thread.start()

    def stop(self) -> None:
        """End; what is not acknowledged stays in the journal."""
        self._stopping.set()
        self._thread.join(timeout=STOP_S)
        self._transport.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._pulse.beat()
            try:
                self._links.tick(LINK_WAIT_S)
                if self.status.phase is Phase.OPEN and self._keys_are_due():
                    # The next HELLO begins the next generation of link keys.
                    self.renew()
                if self._redial.due(self.status):
                    log.info("link.redialled", extra={"trouble": self.trouble})
                    self.renew()
            except Exception:
                # The till goes on without the hub; the next tick starts from what the database says.
                log.exception("link.failed")
                self._stopping.wait(1.0)


def connect(node: Node, boot: str, stops: list[Callable[[], None]]) -> LinkThread | None:
    """Start the way to the hub; None for a node that is not enrolled."""
    grant = node.enrolment
    if grant is None:
        return None
    names = topics.of_store(grant.tenant, grant.store)
    transport = MqttTransport(
        MqttSettings(
            host=grant.broker.host,
            port=grant.broker.port,
            reconnect_cap_ms=node.settings.link.reconnect_cap_ms,
        ),
        client_id=client_id(grant, node.chance),
        username=grant.broker.username,
        password=grant.broker.token,
        subscriptions=(names.welcome, names.ack, names.data, names.answer, topics.doorbell(grant.tenant)),
        clock=node.clock,
        chance=node.chance,
        will=Will(names.state, genesis(grant.store, grant.epoch, 1)),
        tls=_tls(node, grant),
    )
    ring = _ring(node, grant, grant.epoch)
    links = StoreLinks(
        transport,
        grant.epoch,
        lambda epoch, port: _link(node, boot, ring if epoch == grant.epoch else _ring(node, grant, epoch), port),
        lambda: _older(node),
        node.clock,
    )
    thread = LinkThread(links, transport, Pulse(node.clock), lambda: ring.due, Redial(node.clock, node.chance))
    thread.start()
    stops.append(thread.stop)
    certificate.watch(node, grant, thread.renew, stops)
    return thread


def client_id(grant: Enrolment, chance: Chance) -> str:
    """Name a connection to the broker; another one at each start.

    Two clients with one id throw each other out, or leave one of them deaf. A copy of this node has the same store, node and
    epoch, and must be heard by the hub beside the original, for only the hub can tell both what is the matter. The broker's
    rights hang on the user, never on this.
    """
    return f"{grant.store}-{grant.epoch}-{grant.node[-12:]}-{chance.token(4).hex()}"


def _ring(node: Node, grant: Enrolment, epoch: int) -> Ring:
    party = sealing.Party(grant.tenant, grant.store, grant.node, epoch)
    hub = keys.PublicKeys(grant.hub_signing_key, grant.hub_agreement_key)
    return Ring(node.identity, hub, party, Path(node.settings.data_dir), clock=node.clock, chance=node.chance)


def _link(node: Node, boot: str, ring: Ring, port: Transport) -> StoreLink:
    """Build the link of an epoch: keys of its own, facts of its own; streams only for the epoch of now."""
    grant = node.enrolment
    assert grant is not None
    linger_ms = node.settings.link.linger_ms
    epoch = ring.party.epoch
    is_now = epoch == grant.epoch
    return StoreLink(
        identity=LinkIdentity(ring.party, boot, VERSION, grant.hub_signing_key),
        sealer=ring.sealer,
        opener=ring.opener,
        outbox=NodeOutbox(node, epoch),
        transport=port,
        clock=node.clock,
        chance=node.chance,
        streams=streams.followed_by(grant.store) if is_now else (),
        pace=Pace((linger_ms, max(linger_ms, 2_000)), hello_delay_ms=int(node.chance.random() * HELLO_SPREAD_MS)),
        questions=node.questions if is_now else None,
        on_status=node.changed.notify if is_now else None,
    )


def _tls(node: Node, grant: Enrolment) -> Callable[[], TlsFiles] | None:
    """Give what asks for the TLS files of now; None for a broker on this machine without TLS."""
    found = enrolment.tls_files(Path(node.settings.data_dir), grant)
    return None if found is None else lambda: found


def _older(node: Node) -> list[int]:
    """Name the older epochs that this file wrote itself; what was brought back from the hub is not ours to send."""
    assert node.enrolment is not None
    with node.db.read() as reader:
        return journal.own_epochs(reader, node.enrolment.epoch, handover.brought_epochs(reader))
