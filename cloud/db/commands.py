"""Queries on commands to stores and what became of them, and on the answers to online questions."""

import msgspec
from sqlalchemy import delete, insert, select

from cloud.db.engine import Reader, Tx
from cloud.db.schema import answers, command_results, commands


class CommandRow(msgspec.Struct, frozen=True):
    """A command as it was given; `args` is JSON."""

    command_id: str
    store: str
    name: str
    args: str
    made_ms: int
    expires_ms: int
    made_by: str


class ResultRow(msgspec.Struct, frozen=True):
    """What became of a command at its store."""

    store: str
    command_id: str
    outcome: str
    reason: str
    result: str
    at_ms: int
    ingest_id: int


class AnswerRow(msgspec.Struct, frozen=True):
    """An answer as it was given once and for all."""

    store: str
    epoch: int
    question_id: bytes
    digest: bytes
    verdict: str
    body: bytes
    at_ms: int
    not_after_ms: int


def insert_command(tx: Tx, row: CommandRow) -> None:
    """Keep a command."""
    tx.run(insert(commands), msgspec.structs.asdict(row))


def command_by_id(reader: Reader, command_id: str) -> CommandRow | None:
    """Find a command."""
    row = reader.row(select(commands).where(commands.c.command_id == command_id))
    return None if row is None else CommandRow(*row)


def commands_of(reader: Reader, store: str, limit: int) -> list[CommandRow]:
    """List the newest commands to a store."""
    query = select(commands).where(commands.c.store == store)
    query = query.order_by(commands.c.made_ms.desc(), commands.c.command_id).limit(limit)
    return [CommandRow(*row) for row in reader.rows(query)]


def results_of(reader: Reader, store: str, command_ids: list[str]) -> dict[str, ResultRow]:
    """Find what became of commands, by id."""
    query = select(command_results).where(
        command_results.c.store == store, command_results.c.command_id.in_(command_ids)
    )
    return {row.command_id: ResultRow(*row) for row in reader.rows(query)}


def insert_results(tx: Tx, rows: list[ResultRow]) -> None:
    """Keep what became of commands; the first word of a command holds."""
    for row in rows:
        if row.command_id not in results_of(tx, row.store, [row.command_id]):
            tx.run(insert(command_results), msgspec.structs.asdict(row))


def answer_of(reader: Reader, store: str, epoch: int, question_id: bytes) -> AnswerRow | None:
    """Find the answer that a question was given."""
    query = select(answers).where(
        answers.c.store == store, answers.c.epoch == epoch, answers.c.question_id == question_id
    )
    row = reader.row(query)
    return None if row is None else AnswerRow(*row)


def insert_answer(tx: Tx, row: AnswerRow) -> None:
    """Keep an answer for ever, or until its question can only be answered `expired`."""
    tx.run(insert(answers), msgspec.structs.asdict(row))


def delete_answers(tx: Tx, before_ms: int) -> int:
    """Drop the answers whose questions expired before a time; give how many."""
    query = delete(answers).where(answers.c.not_after_ms > 0, answers.c.not_after_ms < before_ms)
    return int(tx.run(query).rowcount)
