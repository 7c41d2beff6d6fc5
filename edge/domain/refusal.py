"""A refusal is a value: the guest or the cashier can do something about it, and the code says what."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Refused:
    """Why something may not be done; `code` has words in the catalogue under `error.<code>`."""

    code: str
    details: dict[str, object] = field(default_factory=dict)
