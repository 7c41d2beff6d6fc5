"""What a part of the projections gives: a function for each body that it keeps."""

from collections.abc import Callable
from typing import Any

from sync.contract.facts import Fact
from sync.node.database import Tx

Handler = Callable[[Tx, Fact, Any], None]
"""Writes what one fact changes, in the transaction of that fact or of a rebuild; its arguments are all it may know."""
