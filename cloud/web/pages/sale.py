"""One sale down to its fact: the paper, the path in time, the chain around it, four checks."""

from typing import NamedTuple

from flask import redirect
from werkzeug.wrappers import Response

from cloud.domain.roles import Action
from cloud.services.views import ChainView, PathStep, SaleView
from cloud.web import access, asked, frame, paper
from cloud.web.pages.doors import closed_blueprint
from cloud.web.problems import Problem
from cloud.web.show import Speaker

pages = closed_blueprint("sale", __name__)
_PRINT_STEPS = frozenset({"printed", "print_parked", "print_discarded"})
_HELD_STEPS = frozenset({"print_parked", "print_discarded"})


class Step(NamedTuple):
    """A step of the path as it is shown: done, or not (parked, unknown)."""

    time: str
    instant: str
    sentence: str
    done: bool


class Check(NamedTuple):
    """One of the four checks, in words."""

    holds: bool
    sentence: str


@pages.get("/sales/<store>/<sale_id>")
@access.needs(Action.VIEW_SALES)
def sale(store: str, sale_id: str) -> str:
    """Show a sale."""
    return _page(asked.store_id(store), asked.sale_id(sale_id), verified=False)


@pages.post("/sales/<store>/<sale_id>/verify")
@access.needs(Action.RUN_VERIFY)
def verify(store: str, sale_id: str) -> str:
    """Hash the lane again from the stored bytes and show the outcome with its time."""
    who = access.who()
    log = frame.site().hub.console.audit_log
    log.record(who.actor, "chain.verified", asked.store_id(store), **who.detail())
    return _page(asked.store_id(store), asked.sale_id(sale_id), verified=True)


@pages.get("/sales/<store>/<sale_id>/verify")
@access.needs(Action.VIEW_SALES)
def verified(store: str, sale_id: str) -> Response:
    """A reload of the verified page shows the sale."""
    return redirect(f"/sales/{asked.store_id(store)}/{asked.sale_id(sale_id)}", 303)


def _page(store: str, sale_id: str, *, verified: bool) -> str:
    held = frame.site()
    reports = held.hub.reports
    if reports.store_name(store) is None:
        raise Problem(404, "unknown_store")
    found = reports.sale(store, sale_id)
    chain = reports.chain(store, sale_id, whole=verified)
    if found is None or chain is None:
        raise Problem(404, "unknown_sale")
    say = frame.speaker()
    invite_holds = found.invite is None or held.hub.invites.verify(found.invite.code).verdict in {"valid", "expired"}
    return frame.draw_framed(
        "sale.html",
        stores=reports.stores(),
        place="sales",
        sale=found,
        all_cash=all(tender.kind == "cash" for tender in found.tenders),
        paper=paper.draw(found, held.words, say.moment),
        steps=steps(found, reports.path(store, sale_id), say),
        chain=chain,
        checks=checks(found, chain, say, invite_holds=invite_holds),
        refunds=held.hub.money.refunds_of(store, sale_id),
        neighbours=reports.neighbours(store, sale_id),
        verified_at=say.second(held.hub.clock.now_ms()) if verified else "",
    )


def steps(sale: SaleView, path: tuple[PathStep, ...], say: Speaker) -> list[Step]:
    """Put the path of a sale into sentences; a receipt that nothing is known of says so before the hub's step."""
    shown = [
        Step(
            say.milli(step.at_ms),
            say.instant(step.at_ms),
            _sentence(sale, step, say),
            step.step not in _HELD_STEPS,
        )
        for step in path
    ]
    if not any(step.step in _PRINT_STEPS for step in path):
        shown.append(Step("", "", say.text("path.print_unknown"), done=False))
    return shown


def _sentence(sale: SaleView, step: PathStep, say: Speaker) -> str:
    match step.step:
        case "paid":
            return _paid(sale, say)
        case "invite_issued":
            return say.text("path.invite", short=sale.invite.short if sale.invite is not None else "")
        case "printed":
            if step.copy:
                return say.text("path.reprinted", copy=step.copy)
            return say.text("path.printed")
        case "print_parked":
            return say.text("path.parked", reason=say.reason(step.reason))
        case "print_discarded":
            return say.text("path.discarded", reason=say.reason(step.reason))
        case _:
            return say.text("path.at_hub", span=say.fine_span(step.at_ms - sale.saved_ms))


def _paid(sale: SaleView, say: Speaker) -> str:
    received = say.amount(sale.received_fen)
    if all(tender.kind == "cash" for tender in sale.tenders):
        return say.text("path.paid_cash", amount=received, change=say.amount(sale.change_fen))
    return say.text("path.paid", amount=received)


def checks(sale: SaleView, chain: ChainView, say: Speaker, *, invite_holds: bool) -> list[Check]:
    """Say the four checks in words: the chain, the store's signature, the amounts, the receipt number."""
    linked = chain.links_ok and chain.lane_ok
    signed = bool(chain.key_id) and invite_holds
    return [
        Check(linked, say.text("check.chain_ok" if linked else "check.chain_bad", seq=say.count(chain.lane_seq))),
        Check(
            signed,
            say.text("check.key_ok", key=chain.key_id[:8], epoch=chain.epoch) if signed else say.text("check.key_bad"),
        ),
        Check(
            chain.sums_ok,
            say.text("check.amount_ok" if chain.sums_ok else "check.amount_bad", amount=say.amount(sale.total_fen)),
        ),
        Check(
            chain.number_once,
            say.text("check.number_ok" if chain.number_once else "check.number_bad", number=sale.receipt_no),
        ),
    ]
