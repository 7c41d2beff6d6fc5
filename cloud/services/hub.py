"""The hub as its web layer sees it: built things in one frozen box, with nothing to build left."""

from dataclasses import dataclass
from datetime import tzinfo

from cloud.services.authority import Authority
from cloud.services.changes import Changes
from cloud.services.commands import Orders
from cloud.services.console import Console
from cloud.services.enrol import Enrolment
from cloud.services.fleet import Fleets
from cloud.services.handover import HandoverDesk
from cloud.services.health import Checkup
from cloud.services.invites import Invites
from cloud.services.live_codes import LiveCodes
from cloud.services.members.hub import Members
from cloud.services.metrics import Figures
from cloud.services.money import Money
from cloud.services.project import Projector
from cloud.services.publish import Publisher
from cloud.services.reports import Reports
from cloud.services.versions import Versions
from cloud.settings import HubSettings
from sync.node.ports import Clock


@dataclass(frozen=True)
class Hub:
    """Services and what they share. `web_secret` signs form tokens; it is derived from the hub's key file."""

    settings: HubSettings
    clock: Clock
    zone: tzinfo
    reports: Reports
    money: Money
    fleets: Fleets
    figures: Figures
    invites: Invites
    console: Console
    authority: Authority
    enrolment: Enrolment
    handover: HandoverDesk
    publisher: Publisher
    versions: Versions
    orders: Orders
    changes: Changes
    projector: Projector
    members: Members
    live_codes: LiveCodes
    checkup: Checkup
    web_secret: bytes
    version: str
