"""The way to the hub: keys, transport, protocol, and the one thread that owns them."""

import logging
import threading
from collections.abc import Callable

from edge.services.node import VERSION, Node
from edge.services.outbox import NodeOutbox
from sync.contract import topics
from sync.contract.facts import genesis
from sync.engine.mqtt import MqttSettings, MqttTransport
from sync.engine.store_link import LinkIdentity, LinkStatus, StoreLink
from sync.engine.transport import Will
from sync.engine.uplink import Pace
from sync.node import sealing

LINK_WAIT_S = 0.05
STOP_S = 5

log = logging.getLogger(__name__)


class LinkThread:
    """The one thread that owns the way to the hub."""

    def __init__(self, link: StoreLink, transport: MqttTransport) -> None:
        self._link = link
        self._transport = transport
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hub-link", daemon=True)

    @property
    def status(self) -> LinkStatus:
        """The session as the screen shows it."""
        return self._link.status

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
            try:
                self._link.tick(LINK_WAIT_S)
            except Exception:
                # The till goes on without the hub; the next tick starts from what the database says.
                log.exception("link.failed")
                self._stopping.wait(1.0)


def connect(node: Node, boot: str, stops: list[Callable[[], None]]) -> LinkThread | None:
    """Start the way to the hub; None for a node that is not enrolled."""
    grant = node.enrolment
    if grant is None:
        return None
    party = sealing.Party(grant.tenant, grant.store, grant.node, grant.epoch)
    link_keys = sealing.link_keys(
        node.identity, grant.hub_agreement_key, tenant=grant.tenant, store=grant.store, epoch=grant.epoch
    )
    names = topics.of_store(grant.tenant, grant.store)
    transport = MqttTransport(
        MqttSettings(
            host=grant.broker.host,
            port=grant.broker.port,
            reconnect_cap_ms=node.settings.link.reconnect_cap_ms,
        ),
        client_id=f"{grant.store}-{grant.node[-12:]}",
        username=grant.broker.username,
        password=grant.broker.token,
        subscriptions=(names.welcome, names.ack, names.data, topics.doorbell(grant.tenant)),
        clock=node.clock,
        chance=node.chance,
        will=Will(names.state, genesis(grant.store, grant.epoch, 1)),
    )
    link = StoreLink(
        identity=LinkIdentity(party, boot, VERSION, grant.hub_signing_key),
        sealer=sealing.Sealer(node.identity, link_keys.up, party, node.chance),
        opener=sealing.Opener(grant.hub_signing_key, link_keys.down, party),
        outbox=NodeOutbox(node),
        transport=transport,
        clock=node.clock,
        chance=node.chance,
        pace=Pace(linger_ms=(node.settings.link.linger_ms, max(node.settings.link.linger_ms, 2_000))),
        on_status=node.changed.notify,
    )
    thread = LinkThread(link, transport)
    thread.start()
    stops.append(thread.stop)
    return thread
