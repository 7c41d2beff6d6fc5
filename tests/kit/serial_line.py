"""A serial line as levels over time, for receivers that are set to another speed than the sender."""


def line_of(data: bytes) -> list[int]:
    """The levels of a serial line, 8N1, one entry a bit: idle, then start, eight bits from the low end, stop."""
    levels = [1] * 20
    for byte in data:
        levels += [0, *((byte >> bit) & 1 for bit in range(8)), 1]
    return levels + [1] * 30


def heard(levels: list[int], *, sent: int, read: int, phase: float, needs_edge: bool) -> bytes:
    """What a receiver set to another speed makes of a line: it looks at the middle of each of *its* bits.

    A wrong stop bit is delivered like any byte, as the kernel does. Some receivers wait for an edge after it, some take
    the low line for the next start bit.
    """
    bit = sent / read
    got = bytearray()
    at, before = phase, 1

    def level(when: float) -> int:
        return levels[int(when)] if when < len(levels) else 1

    while at < len(levels):
        now = level(at)
        if now == 0 and (before == 1 or not needs_edge) and level(at + bit / 2) == 0:
            got.append(sum(level(at + bit * (1.5 + place)) << place for place in range(8)))
            before = level(at + bit * 9.5)
            at += bit * 9.5
        else:
            before = now
        at += bit / 16
    return bytes(got)
