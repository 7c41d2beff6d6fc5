"""A refusal is a value: a code that the words catalogue has a sentence for, an HTTP status, and plain details."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Refused:
    """Why something was not done; `details` holds numbers and names for the sentence, never a secret."""

    code: str
    status: int
    details: dict[str, str | int] = field(default_factory=dict)
