"""All of members at the hub in one box, and what the night asks of it."""

import logging

from cloud.db import devices, members, sales
from cloud.db import ledger as rows
from cloud.db.engine import Turn
from cloud.services.members import erase, proof
from cloud.services.members.booker import Booker
from cloud.services.members.cards import remove
from cloud.services.members.desk import MemberDesk
from cloud.services.members.expiry import Expiry
from cloud.services.members.grants import Grants
from cloud.services.members.joining import Joining
from cloud.services.members.referral import Referrals
from cloud.services.members.shared import Shared

NIGHT = "members_night"
"""The note of the last business day whose night was done."""
GUESTS_ROUND = 500

log = logging.getLogger(__name__)


class Members:
    """Members at the hub. Any thread may use it; `night_if_due` and `settle_due` are for one process at a time."""

    def __init__(self, shared: Shared, booker: Booker) -> None:
        self.shared = shared
        self.booker = booker
        self.grants = Grants(shared)
        self.referrals = Referrals(shared)
        self.expiry = Expiry(shared)
        self.desk = MemberDesk(shared, self.referrals)
        self.joining = Joining(shared)

    def begin(self) -> None:
        """At a start: finish what was forgotten, settle referrals that fell due meanwhile, and publish the rules where none are."""
        erase.settle(self.shared)
        self.settle_due()
        if self.desk.rules().version == 0:
            self.desk.publish_rules(self.desk.rules())

    def night_if_due(self) -> bool:
        """Do the night's work once for each business day; gives whether it was done now."""
        day = self.shared.day()
        with self.shared.database.read() as reader:
            if sales.note_of(reader, NIGHT) == day:
                return False
        self.booker.catch_up()
        self.expiry.run()
        self.grants.nightly()
        self.part_from_guests()
        self.let_go()
        self.shared.keys.meet_mirror()
        proof.prove_and_keep(self.shared.database, self.shared.clock)
        with self.shared.database.write(Turn.PROJECTOR) as tx:
            sales.put_note(tx, NIGHT, day)
        return True

    def settle_due(self) -> None:
        """Reward referrals whose cooling is over."""
        self.referrals.settle_due()

    def part_from_guests(self) -> int:
        """Take the cards of guests whom a store has not seen for long out of its stream; gives how many."""
        total = 0
        while True:
            before_ms = self.shared.clock.now_ms() - self.shared.policy.guest_ms
            with self.shared.database.write(Turn.PROJECTOR) as tx:
                rows.hold(tx)
                found = members.unseen_since(tx, before_ms, GUESTS_ROUND)
                for store, member_id in found:
                    remove(tx, store, member_id)
            total += len(found)
            if len(found) < GUESTS_ROUND:
                break
        if total:
            self.shared.on_stream()
            log.info("members.parted", extra={"count": total})
        return total

    def let_go(self) -> None:
        """Forget what was kept of people for a time that is over: phones they joined with, gifts of those who left."""
        now_ms, policy = self.shared.clock.now_ms(), self.shared.policy
        with self.shared.database.write(Turn.PROJECTOR) as tx:
            gone = devices.drop_before(tx, now_ms - policy.device_ms)
            gifts = members.drop_gifts(tx, now_ms - policy.gift_ms)
        if gone or gifts:
            log.info("members.let_go", extra={"count": gone + gifts})

    def close(self) -> None:
        """Close the file of keys."""
        self.shared.keys.close()
