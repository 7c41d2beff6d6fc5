"""What guests do at the tills of a world of members: join, bring friends, buy, pay with points, take gifts, get money back, leave."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from edge.db.staff import Session
from edge.domain.payment import AskedTender
from edge.domain.pricing import BasketLine
from edge.domain.refund import AskedLine
from edge.domain.refusal import Refused
from edge.services.deeds import Done
from edge.services.members import changes, mall, visits
from edge.services.members.changes import LeaveCommand
from edge.services.members.join import read_answer as read_join
from edge.services.members.mall import RedeemCommand
from edge.services.members.visits import ClaimCommand, SeenCommand
from edge.services.money import book_sale, elsewhere, refunds, settle_sale
from edge.services.money.book_sale import SaleAnswer
from edge.services.money.elsewhere import DropCommand, ElsewhereCommand, ElsewhereQuery
from edge.services.money.refunds import RefundCommand
from edge.services.money.settle_sale import SellCommand
from scripts.sim_value_shops import CASHIER, FAN, REFUNDER, Shop
from tests.kit.member_hub import MemberHub
from tests.kit.member_tills import cash
from tests.kit.member_tills import points as by_points
from tests.kit.nodes import AT_TILL_1

PEOPLE = 4
INVITES_KEPT = 6
SALES_KEPT = 8
FRIEND = 0.6
"""How often somebody new was brought by a friend."""
MANAGER_THERE = 0.4
IN_PARTS = 0.6
GIVEN_UP = 0.3
SOLD_HEARS = 0.8


class Guests:
    """People with phones, and what they do at any of the stores.

    Attributes:
        phones: the number of each member, by id.
        done: counts what happened, by its name.
    """

    def __init__(self, rng: random.Random, hub: MemberHub, done: Counter[str]) -> None:
        self._rng = rng
        self._hub = hub
        self._invites: list[str] = []
        self._people = [f"1380000{number:04d}" for number in range(PEOPLE)]
        self.done = done
        self.phones: dict[str, str] = {}
        self.deeds: list[tuple[int, Callable[[Shop, Sequence[Shop]], None]]] = [
            (10, self._join),
            (20, self._sell),
            (20, self._spend),
            (10, self._sell_to_nobody),
            (12, self._claim),
            (14, self._refund),
            (6, self._sign_in),
            (5, self._take_gift),
            (3, self._leave),
            (8, self._refund_elsewhere),
            (5, self._ask_again),
        ]

    def do(self, shop: Shop, shops: Sequence[Shop]) -> None:
        """Let something happen at a store; `shops` are those whose node is not a replaced one."""
        weights, deeds = zip(*self.deeds, strict=True)
        self._rng.choices(deeds, weights)[0](shop, shops)

    def regret(self, shop: Shop) -> None:
        """Somebody gives back all of what they bought at a store, long after."""
        if shop.sales:
            sale = self._rng.choice(shop.sales)
            command = RefundCommand(refund_id=shop.till.new_id(), sale_id=sale.sale_id, reason="cold", whole=True)
            self._did("refund", refunds.give_back(shop.till.node, REFUNDER, command))

    def end(self, shop: Shop) -> None:
        """Ask once more for every refund that is open at a store, and give up what nobody leaves to it."""
        self._hub.kit.projector.catch_up()
        for refund_id in shop.asked:
            answer = elsewhere.again(shop.till.node, REFUNDER, refund_id)
            if not isinstance(answer, Refused) and answer.state == "asked":
                self._give_up(shop, refund_id)
        elsewhere.tell_drops(shop.till.node)
        shop.asked.clear()

    # --------------------------------------------------------------------------------------------------------- who comes

    def _join(self, shop: Shop, _shops: Sequence[Shop]) -> None:
        self._member(shop, self._rng.choice(self._people), again=True)

    def _member(self, shop: Shop, phone: str, *, again: bool = False) -> str:
        """Say who somebody is at a store; they join, or are found, where the store does not know them."""
        if phone not in shop.members or again:
            friends = [one for one, theirs in self.phones.items() if theirs != phone]
            brought_by = self._rng.choice(friends) if friends and self._rng.random() < FRIEND else ""
            done = shop.till.try_join(phone, by_member=brought_by)
            if not self._did("join", done):
                return ""
            assert isinstance(done, Done)
            shop.members[phone] = read_join(done.answer).member_id
            shop.seen.add(shop.members[phone])
            self.phones.setdefault(shop.members[phone], phone)
        return shop.members[phone]

    def _sign_in(self, shop: Shop, _shops: Sequence[Shop]) -> None:
        if member_id := self._member(shop, self._rng.choice(self._people)):
            command = SeenCommand(request_id=shop.till.new_id(), member_id=member_id, by="phone", sign_in=True)
            self._did("sign_in", visits.seen(shop.till.node, AT_TILL_1, command))

    def _leave(self, shop: Shop, _shops: Sequence[Shop]) -> None:
        """Somebody asks to be forgotten; at other stores they are remembered until those hear of it."""
        if not shop.members:
            return
        phone = self._rng.choice(sorted(shop.members))
        command = LeaveCommand(request_id=shop.till.new_id(), member_id=shop.members.pop(phone))
        self._did("leave", changes.leave(shop.till.node, None, command))

    # -------------------------------------------------------------------------------------------------------- what they buy

    def _sell(self, shop: Shop, _shops: Sequence[Shop]) -> None:
        if member_id := self._member(shop, self._rng.choice(self._people)):
            self._pay(shop, "sell", member_id)

    def _spend(self, shop: Shop, _shops: Sequence[Shop]) -> None:
        phones = sorted(shop.members) or self._people
        if member_id := self._member(shop, self._rng.choice(phones)):
            self._pay(shop, "spend", member_id, by_points(100 * self._rng.randint(1, 12)))

    def _sell_to_nobody(self, shop: Shop, _shops: Sequence[Shop]) -> None:
        if (sale := self._pay(shop, "sell_to_nobody", "")) is not None:
            self._invites.append(sale.invite.url)

    def _pay(self, shop: Shop, name: str, member_id: str, *tenders: AskedTender) -> SaleAnswer | None:
        dishes = ("d101", "d102")[: self._rng.randint(1, 2)]
        lines = tuple(BasketLine(dish_id=dish_id, qty=self._rng.randint(1, 3)) for dish_id in dishes)
        command = SellCommand(
            sale_id=shop.till.new_id(), lines=lines, tenders=(*tenders, cash(100_000)), member_id=member_id
        )
        done = settle_sale.settle_sale(shop.till.node, self._at_the_till(), command)
        if not self._did(name, done):
            return None
        assert isinstance(done, Done)
        sale = book_sale.read_answer(done.answer)
        shop.sales.append(sale)
        return sale

    def _at_the_till(self) -> Session:
        # A manager may lend what is not put aside here, a cashier may not.
        return AT_TILL_1 if self._rng.random() < MANAGER_THERE else CASHIER

    def _take_gift(self, shop: Shop, _shops: Sequence[Shop]) -> None:
        if member_id := self._member(shop, self._rng.choice(self._people)):
            command = RedeemCommand(
                request_id=shop.till.new_id(), member_id=member_id, gift_id=FAN.gift_id, shown_points=FAN.points
            )
            self._did("gift", mall.redeem(shop.till.node, self._at_the_till(), command))

    def _claim(self, shop: Shop, _shops: Sequence[Shop]) -> None:
        if not self._invites:
            return
        if member_id := self._member(shop, self._rng.choice(self._people)):
            invite = self._rng.choice(self._invites[-INVITES_KEPT:])
            command = ClaimCommand(request_id=shop.till.new_id(), member_id=member_id, invite=invite)
            self._did("claim", visits.claim(shop.till.node, AT_TILL_1, command))

    # -------------------------------------------------------------------------------------------------- what they give back

    def _refund(self, shop: Shop, _shops: Sequence[Shop]) -> None:
        if not shop.sales:
            return
        sale = self._rng.choice(shop.sales[-SALES_KEPT:])
        command = RefundCommand(
            refund_id=shop.till.new_id(), sale_id=sale.sale_id, reason="cold", **self._how_much(sale)
        )
        self._did("refund", refunds.give_back(shop.till.node, REFUNDER, command))

    def _how_much(self, sale: SaleAnswer) -> dict[str, Any]:
        if self._rng.random() < IN_PARTS:
            return {"lines": (AskedLine(self._rng.randrange(len(sale.lines)), 1),)}
        return {"whole": True}

    def _refund_elsewhere(self, shop: Shop, shops: Sequence[Shop]) -> None:
        """A guest wants money back at another store than the one that sold; that one hears of it now, late or never."""
        others = [one for one in shops if one.name != shop.name and one.sales]
        if not others or not shop.till.online:
            return
        sold = self._rng.choice(others)
        if self._rng.random() < SOLD_HEARS:
            sold.till.send()
        sale = self._rng.choice(sold.sales[-SALES_KEPT:])
        how = self._how_much(sale)
        self._hub.kit.projector.catch_up()
        quoted = elsewhere.quote(shop.till.node, REFUNDER, ElsewhereQuery(text=sale.invite.url, **how))
        if isinstance(quoted, Refused):
            self.done[f"elsewhere_{quoted.code}"] += 1
            return
        self.done["elsewhere"] += 1
        command = ElsewhereCommand(
            refund_id=shop.till.new_id(), text=sale.invite.url, reason="cold", shown_fen=quoted.amount_fen, **how
        )
        self._heard(shop, command.refund_id, elsewhere.give_back(shop.till.node, REFUNDER, command))
        if self._rng.random() < SOLD_HEARS:
            sold.hear()
            sold.till.send()
            self._ask_again(shop, shops)

    def _ask_again(self, shop: Shop, _shops: Sequence[Shop]) -> None:
        if not shop.asked or shop.fenced:
            return
        refund_id = self._rng.choice(shop.asked)
        shop.asked.remove(refund_id)
        self._hub.kit.projector.catch_up()
        if self._rng.random() < GIVEN_UP:
            self._give_up(shop, refund_id)
        else:
            self._heard(shop, refund_id, elsewhere.again(shop.till.node, REFUNDER, refund_id))

    def _heard(self, shop: Shop, refund_id: str, answer: object) -> None:
        """Keep a refund that is not decided; one that is has its count."""
        state = answer.code if isinstance(answer, Refused) else str(getattr(answer, "state", ""))
        self.done[f"elsewhere_{state}"] += 1
        if state == "asked":
            shop.asked.append(refund_id)

    def _give_up(self, shop: Shop, refund_id: str) -> None:
        command = DropCommand(request_id=shop.till.new_id(), reason="gone")
        self._did("elsewhere_drop", elsewhere.drop(shop.till.node, REFUNDER, refund_id, command))

    def _did(self, name: str, done: object) -> bool:
        ok = isinstance(done, Done)
        self.done[name if ok else f"{name}_refused"] += 1
        return ok
