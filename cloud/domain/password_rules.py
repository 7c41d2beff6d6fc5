"""Which passwords a person may choose: long ones that nobody guesses first (ux-security §10.4, NIST SP 800-63B)."""

import unicodedata

CHARS_MIN = 12
CHARS_MAX = 256
DIFFERENT_MIN = 5
"""Different characters at least: `aaaaaaaaaaaa` is long and is still the first guess."""
NAME_PART_MIN = 3

# What long passwords are most often made of: each alone, repeated, or with digits behind it is refused.
COMMON = frozenset(
    {
        "password", "passwort", "passw0rd", "p4ssword", "letmein", "welcome", "administrator", "admin", "root",
        "qwerty", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx", "1q2w3e4r", "1q2w3e4r5t", "qazwsx", "iloveyou",
        "woaini", "woaini1314", "5201314", "1314520", "dragon", "monkey", "football", "baseball", "superman", "batman",
        "trustno1", "sunshine", "princess", "master", "shadow", "michael", "jennifer", "changeme", "secret", "default",
        "guest", "login", "starwars", "whatever", "computer", "internet", "abc123", "abcd1234", "a1b2c3d4", "qwe123",
        "123qwe", "123abc", "zaq12wsx", "google", "freedom", "zhanggui", "restaurant", "hub", "console", "headoffice",
        "shanghai", "beijing", "china", "zhongguo", "wangguan", "mima", "wodemima",
    }
)  # fmt: skip
_ROWS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
)


def fault(password: str, *names: str) -> str | None:
    """Say what is wrong with a password.

    Args:
        password: what a person wants to have.
        names: the person's own names, which must not be what it is made of.

    Returns:
        A code: `password_unreadable`, `password_short`, `password_long`, `password_common`, `password_name`;
        None for one that may be used.
    """
    if any(unicodedata.category(sign) in {"Cs", "Cc", "Cn"} for sign in password):
        return "password_unreadable"
    if len(password) > CHARS_MAX:
        return "password_long"
    if len(password) < CHARS_MIN:
        return "password_short"
    plain = _folded(password)
    if len(set(plain)) < DIFFERENT_MIN or _is_common(plain):
        return "password_common"
    for name in names:
        folded = _folded(name)
        if len(folded) >= NAME_PART_MIN and folded in plain and len(plain) - len(folded) < CHARS_MIN - NAME_PART_MIN:
            return "password_name"
    return None


def _is_common(plain: str) -> bool:
    letters = plain.strip("0123456789")
    if plain in COMMON or letters in COMMON or any(plain in row + row for row in _both_ways()):
        return True
    # One word again and again, or common words one behind the other.
    for size in range(1, len(plain) // 2 + 1):
        if plain == (plain[:size] * (len(plain) // size + 1))[: len(plain)]:
            return True
    rest = plain
    while rest:
        word = next((word for word in _BY_LENGTH if rest.startswith(word)), None)
        if word is None:
            return rest.isdecimal() and rest != plain
        rest = rest[len(word) :]
    return True


def _both_ways() -> tuple[str, ...]:
    return (*_ROWS, *(row[::-1] for row in _ROWS))


def _folded(text: str) -> str:
    kept = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in kept if sign.isalnum())


_BY_LENGTH = sorted(COMMON, key=len, reverse=True)
