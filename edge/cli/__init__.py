"""`zhanggui-edge`: run a node, enrol it, verify its journal, look after its copies and devices, read captures of printer bytes.

Exit codes: 0 done; 1 the answer is no (a fault was found, the hub refused); 2 wrong use or unreadable input;
75 another process runs on the data folder.
"""

import click

from edge.cli import copies, devices, hub, journal, running


@click.group()
def main() -> None:
    """Run and look after an in-store node."""


for _command in (
    running.run,
    hub.enrol,
    journal.verify,
    copies.restore_copy,
    copies.hold_drill,
    copies.upgrade,
    devices.devices,
    devices.examine,
    devices.bundle,
    devices.decode,
):
    main.add_command(_command)
