"""Texts of strangers, such as names of files and words of models, made safe to print."""

from __future__ import annotations

import re
from typing import Final

#: What a terminal obeys rather than shows, less the end of a line and the tab; and marks that turn the
#: direction of what follows, by which one text can be made to look like another.
_OBEYED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def visible(text: str) -> str:
    """A text in which whatever a terminal would obey stands as its escape.

    So do halves of characters, which nothing prints.
    """
    shown = _OBEYED.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
    return shown.encode("utf-8", "backslashreplace").decode()
