"""Which of the two languages a request is answered in: the switch first, then the browser's own wish."""

from flask import Request

from sync.contract.words import EN, LOCALES, ZH

COOKIE = "hub_language"
_SHORT = {"zh": ZH, "en": EN}


def from_header(request: Request) -> str:
    """Choose by `Accept-Language`; Chinese when nothing fits or nothing was said."""
    best = request.accept_languages.best_match(["zh-CN", "zh", "zh-Hans", "zh-TW", "zh-HK", "en", "en-US", "en-GB"])
    return EN if best is not None and best.startswith("en") else ZH


def of_console(request: Request) -> str:
    """Choose for a console page: the person's own choice is kept in a cookie."""
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in LOCALES else from_header(request)


def of_guest(request: Request) -> str:
    """Choose for a guest: the switch is in the address (`?lang=en`), since guest pages set no cookie."""
    return _SHORT.get(request.args.get("lang", ""), from_header(request))
