"""A name in the two languages of the product."""

import unicodedata

import msgspec

ZH = "zh-CN"
EN = "en"
LOCALES = (ZH, EN)

_DROPPED = ("Cc", "Cf", "Cs", "Co", "Cn")


class Name(msgspec.Struct, frozen=True):
    """What a thing is called in Chinese and in English."""

    zh: str
    en: str

    def in_locale(self, locale: str) -> str:
        """Give the name for a locale tag; anything that is not English reads Chinese."""
        return self.en if locale == EN else self.zh


def has_control(text: str) -> bool:
    """Say whether a text holds a character that is no writing (control, format, surrogate, unassigned).

    Such characters could reach a printer as a command or hide in a name, so input that has them is refused.
    """
    return any(unicodedata.category(character) in _DROPPED for character in text)
