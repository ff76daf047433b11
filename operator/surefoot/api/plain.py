"""Other people's words in one line: what could move a cursor, end a line or hide something is shown."""

import re
import unicodedata

MOST = 1024


def one_line(text: str, most: int = MOST) -> str:
    """The text with its unprintable characters (controls, line ends, bidirectional overrides, zero
    width) as escapes, and cut with an ellipsis where it is longer than `most` characters."""
    if not text.isprintable():
        text = "".join(map(_shown, text[: most + 1]))
    text = text.strip()
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def without_credentials(text: str) -> str:
    """The text in which no URL has a user or a password."""
    return re.sub(r"//[^/\s]*@", "//", text)


def _shown(char: str) -> str:
    spaces = unicodedata.category(char) == "Zs"
    return char if char.isprintable() or spaces else repr(char)[1:-1]
