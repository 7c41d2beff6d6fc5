"""Puts times, spans, days, names and amounts into words, in one language and one time zone."""

from datetime import UTC, date, datetime, tzinfo

from cloud.web.words import Words
from sync.contract import money
from sync.contract.words import Name

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS


class Speaker:
    """Says things the way a person reads them."""

    def __init__(self, words: Words, locale: str, zone: tzinfo) -> None:
        """Speak a language (`zh-CN` or `en`) in a time zone."""
        self._words = words
        self._zone = zone
        self.locale = locale

    def text(self, key: str, /, **values: object) -> str:
        """Give a text of the catalogue."""
        return self._words.text(key, self.locale, **values)

    def reason(self, code: str) -> str:
        """Give the words for a reason; one that the catalogue does not know is shown as it is."""
        key = f"reason.{code}"
        return self.text(key) if self._words.has(key) else code

    def name(self, name: Name) -> str:
        """Give a name in the language."""
        return name.in_locale(self.locale)

    def amount(self, amount_fen: int) -> str:
        """Write an amount with two decimals."""
        return money.plain(amount_fen)

    def signed(self, amount_fen: int) -> str:
        """Write a difference with its sign."""
        return f"+{money.plain(amount_fen)}" if amount_fen > 0 else money.plain(amount_fen)

    def percent(self, amount_fen: int, of_fen: int) -> str:
        """Write how much an amount lies above or below another, in per cent with one decimal; a dash without one."""
        if of_fen == 0:
            return "–"
        tenths = round((amount_fen - of_fen) * 1000 / of_fen)
        sign = "+" if tenths > 0 else "−" if tenths < 0 else ""
        return f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10}%"

    def count(self, number: int) -> str:
        """Write a whole number with thousands commas."""
        return f"{number:,}"

    def minute(self, at_ms: int) -> str:
        """Write the local time of day to the minute."""
        return self._local(at_ms).strftime("%H:%M")

    def second(self, at_ms: int) -> str:
        """Write the local time of day to the second."""
        return self._local(at_ms).strftime("%H:%M:%S")

    def milli(self, at_ms: int) -> str:
        """Write the local time of day to the millisecond."""
        return f"{self.second(at_ms)}.{at_ms % 1000:03d}"

    def moment(self, at_ms: int) -> str:
        """Write local date and time to the minute."""
        return self._local(at_ms).strftime("%Y-%m-%d %H:%M")

    def day_second(self, at_ms: int) -> str:
        """Write local date and time to the second."""
        return self._local(at_ms).strftime("%Y-%m-%d %H:%M:%S")

    def instant(self, at_ms: int) -> str:
        """Write a time for the `datetime` attribute."""
        return self._local(at_ms).isoformat(timespec="milliseconds")

    def span(self, length_ms: int) -> str:
        """Write a length of time in its two largest units."""
        if length_ms < _MINUTE_MS:
            return self.text("span.seconds", n=max(0, length_ms) // 1000)
        if length_ms < _HOUR_MS:
            return self.text("span.minutes", n=length_ms // _MINUTE_MS)
        if length_ms < _DAY_MS:
            return self.text("span.hours", h=length_ms // _HOUR_MS, m=length_ms % _HOUR_MS // _MINUTE_MS)
        return self.text("span.days", d=length_ms // _DAY_MS, h=length_ms % _DAY_MS // _HOUR_MS)

    def fine_span(self, length_ms: int) -> str:
        """Write a short length of time with three decimals of a second, a long one as `span` does."""
        if abs(length_ms) >= _MINUTE_MS:
            return self.span(length_ms)
        return self.text("span.seconds", n=f"{length_ms / 1000:.3f}")

    def day(self, day: str) -> str:
        """Write a business day with its weekday."""
        held = date.fromisoformat(day)
        return self.text(
            "day.long",
            year=held.year,
            month=held.month,
            day=held.day,
            month_name=self.text(f"day.month_{held.month}"),
            weekday=self.weekday(day),
        )

    def date(self, day: str) -> str:
        """Write a day of this time of year, for a guest, with its year."""
        held = date.fromisoformat(day)
        return self.text(
            "day.date", year=held.year, month=held.month, day=held.day, month_name=self.text(f"day.month_{held.month}")
        )

    def weekday(self, day: str) -> str:
        """Name the weekday of a day."""
        return self.text(f"day.weekday_{date.fromisoformat(day).isoweekday()}")

    def _local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, tz=UTC).astimezone(self._zone)
