"""`zhanggui-hub`: run and look after the hub; each module here holds the commands of one concern.

Exit codes: 0 done; 1 the answer is no (damage was found, a store cannot be made); 2 wrong use or unreadable input;
75 another process runs on the data folder.
"""

import click

from cloud.cli import copies, facts, people, serving, steering, stores


@click.group()
def main() -> None:
    """Run and look after the hub."""


for command in (
    serving.run,
    stores.enrol_store,
    stores.approve,
    stores.broker_files,
    stores.revoke_key,
    facts.verify,
    facts.replay,
    serving.assets,
    copies.make_backup,
    copies.restore_backup,
    copies.hold_drill,
    people.user,
    steering.publish,
    steering.give,
    steering.set_config,
    steering.points,
):
    main.add_command(command)
