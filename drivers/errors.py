"""What can go wrong on the way to a device, each with a code, a hint and the remedy in its class.

Families by remedy (house style): `DeviceUnavailable` = wait and try again; `DeviceRejected` = our own mistake.
What a person must mend (paper, cover) is no exception but a `Status`, because the printer said it in so many words.
"""


class DeviceError(Exception):
    """Any trouble with a device.

    Attributes:
        code: one word for programs and screens.
        hint: what to do, in one English sentence for the log; screens have their own words per code.
    """

    code = "device_error"
    hint = "look at the device"


class DeviceUnavailable(DeviceError):
    """The device cannot be reached now: wait, then try again."""

    code = "not_answering"
    hint = "check power and cable, then try again"


class Unreachable(DeviceUnavailable):
    """No connection came about within the time: nothing at all was handed over."""

    code = "not_answering"
    hint = "check that the printer is on and has this address"


class Absent(Unreachable):
    """Nothing is plugged in there."""

    code = "absent"
    hint = "plug it in, or take its row out of the settings"


class InUse(Unreachable):
    """Another program, or another row, holds the device."""

    code = "in_use"
    hint = "stop the other program that uses it (a print queue of the system, for example)"


class NotPermitted(Unreachable):
    """The system does not let this account use the device."""

    code = "not_permitted"
    hint = "put the account into the group of the device (dialout, lp or input), then start the node again"


class Refused(Unreachable):
    """There is such a device, but not with what its address asks of it."""

    code = "rejected"
    hint = "correct the address in the settings, then start the node again"


class NotSupported(Unreachable):
    """The library or service that reaches this kind of device is not on this machine."""

    code = "not_supported"
    hint = "install what the message names"


class Stalled(DeviceUnavailable):
    """The device stopped taking bytes before the deadline."""

    code = "stalled"
    hint = "look for paper, cover or a full buffer"


class Disconnected(DeviceUnavailable):
    """The connection broke or was closed by the other side."""

    code = "disconnected"
    hint = "check power and cable; what was under way may be half on the paper"


class DeviceRejected(DeviceError, ValueError):
    """We asked for something the device or its protocol cannot do: a mistake of ours, never retried."""

    code = "rejected"
    hint = "correct the caller"
