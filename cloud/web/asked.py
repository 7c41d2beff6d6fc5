"""Reads what a request asks for and refuses what it cannot be: days, stores, numbers, bodies."""

import re
from datetime import date
from typing import TypeVar

import msgspec
from flask import request

from cloud.web.problems import Problem
from sync.contract import ids

T = TypeVar("T", bound=msgspec.Struct)

NUMBER_MAX = 2**53 - 1
"""The largest whole number that every reader of JSON holds exactly."""
_NUMBER = re.compile(r"[0-9]{1,16}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SALE_ID = re.compile(r"[0-9a-f]{32}")
_RECEIPT_PART = re.compile(r"[A-Za-z0-9-]{1,32}")


def only(*names: str) -> None:
    """Refuse parameters that the address does not have, and one given twice.

    Raises:
        Problem: 400 `bad_parameter` with its name.
    """
    for name, values in request.args.lists():
        if name not in names or len(values) != 1:
            raise Problem(400, "bad_parameter", name=name[:64])


def day(name: str = "day") -> str | None:
    """Read a business day.

    Raises:
        Problem: 400 `bad_parameter`.
    """
    text = request.args.get(name, "")
    if not text:
        return None
    if _DAY.fullmatch(text) is None:
        raise Problem(400, "bad_parameter", name=name)
    try:
        held = date.fromisoformat(text)
    except ValueError:
        raise Problem(400, "bad_parameter", name=name) from None
    # Years at the ends of the calendar leave no week before and no day after.
    if not 1970 <= held.year <= 9000:  # noqa: PLR2004 - the calendar of the contract begins in 1970
        raise Problem(400, "bad_parameter", name=name)
    return text


def number(name: str, *, least: int = 0, most: int = NUMBER_MAX) -> int | None:
    """Read a whole number within bounds.

    Raises:
        Problem: 400 `bad_parameter`.
    """
    text = request.args.get(name, "")
    if not text:
        return None
    if _NUMBER.fullmatch(text) is None or not least <= int(text) <= most:
        raise Problem(400, "bad_parameter", name=name)
    return int(text)


def choice(name: str, among: tuple[str, ...]) -> str:
    """Read one of a few words; the first is meant when nothing is said.

    Raises:
        Problem: 400 `bad_parameter`.
    """
    text = request.args.get(name, "") or among[0]
    if text not in among:
        raise Problem(400, "bad_parameter", name=name)
    return text


def text(name: str) -> str:
    """Read a text; empty when it is not given."""
    return request.args.get(name, "")


def receipt_part(name: str) -> str | None:
    """Read a part of a receipt number.

    Raises:
        Problem: 400 `bad_parameter`.
    """
    text = request.args.get(name, "").strip()
    if not text:
        return None
    if _RECEIPT_PART.fullmatch(text) is None:
        raise Problem(400, "bad_parameter", name=name)
    return text


def store_id(text: str) -> str:
    """Check the form of a store's id.

    Raises:
        Problem: 404 `unknown_store`, which is all that a wrong form can mean.
    """
    if ids.STORE_ID.fullmatch(text) is None:
        raise Problem(404, "unknown_store")
    return text


def sale_id(text: str) -> str:
    """Check the form of a sale's id.

    Raises:
        Problem: 404 `unknown_sale`.
    """
    if _SALE_ID.fullmatch(text) is None:
        raise Problem(404, "unknown_sale")
    return text


def body(kind: type[T]) -> T:
    """Read a JSON body as a kind of struct.

    Raises:
        Problem: 415 `not_json`, 400 `malformed`, 400 `unknown_field`.
    """
    if not request.is_json:
        raise Problem(415, "not_json")
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except msgspec.ValidationError as error:
        raise Problem(400, "unknown_field", field=str(error)[:200]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "malformed") from None
