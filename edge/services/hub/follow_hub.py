"""What follows from what came down: settings hold, menus come into force, commands are done. Done anew, it changes nothing."""

from edge.db import stream_appliers
from edge.services.hub import hub_commands, hub_menu
from edge.services.node import Node
from edge.services.ordering import day_specials
from sync.contract import steering
from sync.contract import streams as contract


def load_rules(node: Node) -> None:
    """Let the settings of HQ hold that are held, the store's own over the tenant's."""
    if node.enrolment is None:
        return
    with node.db.read() as reader:
        shared = stream_appliers.items(reader, contract.CONFIG)
        own = stream_appliers.items(reader, contract.own(contract.CONFIG, node.enrolment.store))
    before = node.rules.values
    node.rules.put(steering.read_settings(shared, own))
    if node.rules.values != before:
        node.changed.notify()


def follow(node: Node) -> None:
    """Do everything that is due now. A fenced node has no rights left: it only sends what it has."""
    if node.training or node.fenced or node.revoked:
        return
    load_rules(node)
    hub_menu.come_into_force(node)
    if hub_commands.run_waiting(node):
        hub_menu.come_into_force(node)
    day_specials.renew(node)
