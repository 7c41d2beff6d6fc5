"""The facts of lane 1: what the node and its devices did."""

import msgspec

NODE_STARTED = "node.started"
MENU_IMPORTED = "menu.imported"
PRINT_CONFIRMED = "print.confirmed"
PRINT_PARKED = "print.parked"
PRINT_DISCARDED = "print.discarded"
PRINT_MOVED = "print.moved"
DRAWER_OPENED = "drawer.opened"
DRAWER_FAILED = "drawer.failed"
DEVICE_CHANGED = "device.changed"
DEVICE_CALIBRATED = "device.calibrated"
COMMAND_DONE = "command.done"
COMMAND_REFUSED = "command.refused"
COMMAND_EXPIRED = "command.expired"
DRILL_DONE = "drill.done"
ALARM_RAISED = "alarm.raised"
ALARM_CLEARED = "alarm.cleared"

ALARM_CODES = (
    "hub.fork",
    "hub.rewind",
    "hub.revoked",
    "hub.upgrade",
    "disk.red",
    "archive.damaged",
    "clock.wrong",
    "certificate.expired",
    "certificate.ending",
    "drill.failed",
    "snapshot.overdue",
    "drill.overdue",
    "disk.low",
    "clock.stepped",
)
"""What a person must look at, the worst first. A code that newer nodes send besides is shown as it stands."""


class NodeStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The node process came up."""

    version: str
    boot: str


class MenuImported(msgspec.Struct, frozen=True, kw_only=True):
    """A menu came into force at this node; `sha256` is over its canonical JSON.

    `menu` and `prices` name the publications of HQ that it was made of, each as `stream#number`; empty for a menu from a file.
    """

    version: int
    dishes: int
    sha256: str
    menu: str = ""
    prices: tuple[str, ...] = ()


class PrintSettled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one slip: on paper (`print.confirmed`), parked with a reason, or discarded by a person.

    `state` tells the two kinds of parked apart: `held` (nothing was handed over) and `unknown` (it may be on paper).
    """

    job_id: str
    document: str
    subject: str
    copy: int
    state: str = ""
    reason: str = ""


class PrintMoved(msgspec.Struct, frozen=True, kw_only=True):
    """A slip went to another printer: by itself because its own could not print, or because a person sent it there."""

    job_id: str
    document: str
    subject: str
    from_printer: str
    to_printer: str
    reason: str = ""


class DrawerSettled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one opening of a drawer; the fact's actor is who caused it.

    `reason` is `sale` or what a person wrote. `outcome` is `sent` (the pulse left us), `sensed_open` (the drawer says so
    itself), `was_open` (it stood open already), or why it failed: `expired`, `interrupted`, `not_opened` (the pulse left us and
    the drawer says that it is shut), `unknown`, or what kept the pulse here, such as `not_answering`.
    """

    job_id: str
    drawer: str
    till: str
    reason: str
    sale_id: str = ""
    outcome: str


class DeviceChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A device went down or came up; each is told once."""

    device: str
    kind: str
    up: bool
    state: str
    cause: str = ""


class DeviceCalibrated(msgspec.Struct, frozen=True, kw_only=True):
    """A person taught the node how a printer wants its bytes; `profile` is the whole profile as JSON."""

    device: str
    profile: str


class CommandSettled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command of HQ: done, refused with a reason, or too old; `result` is JSON of the command's own shape."""

    command_id: str
    name: str
    reason: str = ""
    result: str = ""


class DrillDone(msgspec.Struct, frozen=True, kw_only=True):
    """The newest copy of the node's file was restored to a scratch file and held against the live one.

    `snapshot_ms` is when the copy was made, `failed` names the checks that did not hold.
    """

    ok: bool
    snapshot_ms: int
    facts: int
    took_ms: int
    failed: tuple[str, ...] = ()


class AlarmChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person must look at began (`alarm.raised`) or is over (`alarm.cleared`); each is told once.

    `code` is one of `ALARM_CODES`; `detail` is plain figures or a name, never a person's.
    """

    code: str
    detail: str = ""


Operation = (
    NodeStarted
    | MenuImported
    | PrintSettled
    | PrintMoved
    | DrawerSettled
    | DeviceChanged
    | DeviceCalibrated
    | CommandSettled
    | DrillDone
    | AlarmChanged
)

KINDS: dict[str, type[Operation]] = {
    NODE_STARTED: NodeStarted,
    MENU_IMPORTED: MenuImported,
    PRINT_CONFIRMED: PrintSettled,
    PRINT_PARKED: PrintSettled,
    PRINT_DISCARDED: PrintSettled,
    PRINT_MOVED: PrintMoved,
    DRAWER_OPENED: DrawerSettled,
    DRAWER_FAILED: DrawerSettled,
    DEVICE_CHANGED: DeviceChanged,
    DEVICE_CALIBRATED: DeviceCalibrated,
    COMMAND_DONE: CommandSettled,
    COMMAND_REFUSED: CommandSettled,
    COMMAND_EXPIRED: CommandSettled,
    DRILL_DONE: DrillDone,
    ALARM_RAISED: AlarmChanged,
    ALARM_CLEARED: AlarmChanged,
}
