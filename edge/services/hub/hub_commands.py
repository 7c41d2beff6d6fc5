"""Commands of HQ, each done once: its effect, the fact of its result and the note that it was done are one transaction.

One that came too late, or whose condition does not hold, does nothing and says so. One that comes again is known by its id.
"""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from edge.db import journal, projections, staff, stream_appliers, streams
from edge.db.journal import Draft, Place
from edge.services.care import verify_journal
from edge.services.money import cede
from edge.services.node import Node
from edge.services.printing import slips
from sync.contract import operations, publications, steering
from sync.contract import streams as contract
from sync.contract.facts import ContractError
from sync.contract.operations import CommandSettled
from sync.contract.steering import Command, Precondition
from sync.node.database import Tx

log = logging.getLogger(__name__)


class Refusal(Exception):
    """The command cannot be done here; the word says why."""


class _Done(NamedTuple):
    kind: str
    reason: str = ""
    result: str = ""


def run_waiting(node: Node) -> int:
    """Settle every command that waits, in the order in which they were given; give how many."""
    if node.training or node.fenced or node.revoked:
        return 0
    assert node.enrolment is not None
    stream = contract.own(contract.COMMANDS, node.enrolment.store)
    with node.db.read() as reader:
        held = stream_appliers.items(reader, stream)
        held = {key: raw for key, raw in held.items() if not streams.is_settled(reader, key)}
    for command in sorted(_read(held), key=lambda one: (one.made_ms, one.id)):
        _settle(node, command)
    return len(held)


def _settle(node: Node, command: Command) -> None:
    # What only reads is done before the writer's turn: it may take seconds.
    report = _verified(node) if command.name == steering.RUN_VERIFY else ""
    place = node.place()
    fact_id = node.ids.uuid7()

    def work(tx: Tx) -> str | None:
        if streams.is_settled(tx, command.id):
            return None
        done = _judge(tx, node, place, command)
        if done is None:
            try:
                done = _Done(operations.COMMAND_DONE, result=_EFFECTS[command.name](tx, node, command.args) or report)
            except Refusal as refusal:
                done = _Done(operations.COMMAND_REFUSED, str(refusal))
        body = CommandSettled(command_id=command.id, name=command.name, reason=done.reason, result=done.result)
        for fact in journal.append(tx, place, node.identity, [Draft(fact_id, 1, done.kind, 1, body)]):
            projections.project(tx, fact)
        return done.kind

    kind = node.db.write(work)
    if kind is not None:
        log.info("command.settled", extra={"deed": command.name, "outcome": kind, "command": command.id})
        node.committed.notify()
        node.changed.notify()
        node.printing.notify()


def _judge(tx: Tx, node: Node, place: Place, command: Command) -> _Done | None:
    """Say why a command is not done; None when it may be."""
    # The hybrid clock has seen the hub's: a store whose own clock is behind does not take an old command for a fresh one.
    now_ms = max(place.at_ms, journal.counter(tx, "hlc") >> 16)
    if now_ms >= command.expires_ms:
        return _Done(operations.COMMAND_EXPIRED)
    if command.name not in _EFFECTS:
        return _Done(operations.COMMAND_REFUSED, "unknown_command")
    if steering.argument_mistake(command.name, command.args) is not None:
        return _Done(operations.COMMAND_REFUSED, "bad_arguments")
    unmet = _unmet(node, place, command.precondition)
    return _Done(operations.COMMAND_REFUSED, f"precondition_{unmet}") if unmet else None


def _unmet(node: Node, place: Place, wanted: Precondition) -> str:
    menu = node.shelf.catalogue.menu.version if node.shelf.catalogue is not None else 0
    if wanted.epoch and wanted.epoch != place.epoch:
        return "epoch"
    if wanted.day and wanted.day != place.day:
        return "day"
    return "menu" if wanted.menu and wanted.menu != menu else ""


def _read(held: dict[str, bytes]) -> list[Command]:
    """Read commands; one of another shape is settled as one that nobody knows, so that HQ hears of it."""
    found: list[Command] = []
    for key, raw in held.items():
        try:
            command = steering.read_command(raw)
        except ContractError:
            command = Command(id=key, name="", args={}, made_ms=0, expires_ms=1 << 62)
        found.append(msgspec.structs.replace(command, id=key))
    return found


def _verified(node: Node) -> str:
    report = verify_journal.verify(node).as_json()
    return msgspec.json.encode({key: report[key] for key in ("ok", "facts")}).decode()


def _apply_pending(tx: Tx, node: Node, args: dict[str, Any]) -> str:
    """Make a publication due whatever its day; it comes into force right after the commit."""
    assert node.enrolment is not None
    stream, number = args["stream"], args["number"]
    items = stream_appliers.items(tx, stream) if contract.may_follow(stream, node.enrolment.store) else {}
    if number not in {head.number for head in publications.heads_of(items)}:
        raise Refusal("not_held")
    streams.note_begun(tx, stream, number, node.clock.now_ms())
    return ""


def _sign_out(tx: Tx, node: Node, args: dict[str, Any]) -> str:
    till = args.get("till", "")
    if till and till not in node.settings.store.tills:
        raise Refusal("unknown_till")
    return msgspec.json.encode({"sessions": staff.drop_sessions_at(tx, till)}).decode()


def _print_test_slip(tx: Tx, node: Node, args: dict[str, Any]) -> str:
    row = node.devices.printer(args["printer"])
    if row is None:
        raise Refusal("unknown_printer")
    return msgspec.json.encode({"job": slips.add_test_slip(tx, node, row)}).decode()


def _cede_refund(tx: Tx, node: Node, args: dict[str, Any]) -> str:
    return _said(cede.cede(tx, node, args))


def _regain_refund(tx: Tx, node: Node, args: dict[str, Any]) -> str:
    return _said(cede.regain(tx, node, args))


def _said(why_not: str) -> str:
    if why_not:
        raise Refusal(why_not)
    return ""


def _nothing(_tx: Tx, _node: Node, _args: dict[str, Any]) -> str:
    return ""


_EFFECTS: dict[str, Callable[[Tx, Node, dict[str, Any]], str]] = {
    steering.APPLY_PENDING: _apply_pending,
    steering.RUN_VERIFY: _nothing,
    steering.SIGN_OUT: _sign_out,
    steering.PRINT_TEST_SLIP: _print_test_slip,
    steering.CEDE_REFUND: _cede_refund,
    steering.REGAIN_REFUND: _regain_refund,
}
