"""The hub as its web layer sees it: built things in one frozen box, with nothing to build left."""

from dataclasses import dataclass
from datetime import tzinfo

from cloud.services.changes import Changes
from cloud.services.console import Console
from cloud.services.enrol import Enrolment
from cloud.services.invites import Invites
from cloud.services.reports import Reports
from cloud.settings import HubSettings
from sync.node.ports import Clock


@dataclass(frozen=True)
class Hub:
    """Services and what they share. `web_secret` signs form tokens; it is derived from the hub's key file."""

    settings: HubSettings
    clock: Clock
    zone: tzinfo
    reports: Reports
    invites: Invites
    console: Console
    enrolment: Enrolment
    changes: Changes
    web_secret: bytes
    version: str
