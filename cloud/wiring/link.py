"""The hub's end of the wire: the broker's client and the worker that takes in facts."""

from functools import partial

from cloud.jobs import LinkWorker, Share
from cloud.services import (
    tls_files,
)
from cloud.settings import HubSettings
from cloud.wiring.bell import Bell
from cloud.wiring.core import Core
from sync.contract import topics
from sync.engine.mqtt import MqttSettings, MqttTransport
from sync.engine.transport import MovingTransport, Transport
from sync.node.ports import Chance, Clock, SystemChance

MESSAGES_HELD_MAX = 1_024


def start_link(settings: HubSettings, core: Core, facts_bell: Bell, transport: Transport | None) -> LinkWorker:
    """Start taking in facts; `transport` stands for the broker of the settings."""
    clock = core.hub.clock
    if transport is None:
        # Of several workers each begins with nothing to listen to, and is told with its leases.
        wanted = [] if core.database.on_postgresql else topics.hub_subscriptions(settings.tenant)
        transport = broker_transport(settings, core, clock, SystemChance(), wanted)
    assert core.leases is not None
    # Whoever hears everything anyway has no need to be told; the worker lets pass what is another's.
    moving = transport if core.database.on_postgresql and isinstance(transport, MovingTransport) else None
    link = LinkWorker(
        transport,
        core.ingest,
        core.database,
        core.identity,
        tenant=settings.tenant,
        clock=clock,
        on_facts=facts_bell.ring,
        share=Share(core.leases, None if moving is None else moving.listen),
    )
    link.start()
    core.vitals["link"] = link.alive
    return link


def broker_transport(
    settings: HubSettings, core: Core, clock: Clock, chance: Chance, subscriptions: list[str]
) -> Transport:
    """Build the client of the broker in the settings."""
    tls = None if settings.broker.tls == "off" else partial(tls_files.of_broker, settings, core.authority)
    return MqttTransport(
        MqttSettings(
            host=settings.broker.host,
            port=settings.broker.port,
            reconnect_base_ms=min(1_000, settings.reconnect_cap_ms),
            reconnect_cap_ms=settings.reconnect_cap_ms,
            outstanding_max=MESSAGES_HELD_MAX,
            inbox_max=MESSAGES_HELD_MAX,
        ),
        # New with every start and never told to anybody: whoever knew it could throw the hub out under the same id.
        client_id=f"hub-{settings.tenant}-{chance.token(8).hex()}",
        username="" if settings.broker.tls == "mutual" else settings.broker.username,
        password=core.broker_token,
        subscriptions=subscriptions,
        clock=clock,
        chance=chance,
        tls=tls,
    )
