"""Completions that no author thought of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_HUGE: Final = 100_000  # characters

#: Whatever the task.
_TEXTS: Final = (
    "",
    " ",
    "\n\t\r\v\f",
    "\0",
    "I do not know.",
    "None",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "-1",
    "0/0",
    "1,",
    ",",
    "-",
    ":",
    "\\",
    "%s %n {0} {x} $1",
    "{}",
    "[]",
    '{"answer": null}',
    "<think></think>",
    "```\n```",
    "\ud800",  # half of a character
    "\u202e12-21\u202c",
    "\N{SUPERSCRIPT TWO}",  # a digit that int() does not take
    "\N{VULGAR FRACTION ONE HALF}",
    "\N{CIRCLED DIGIT ONE}",
    "\N{ARABIC-INDIC DIGIT THREE}",
    "\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH COMMA}\N{FULLWIDTH DIGIT TWO}",
    "\N{MINUS SIGN}1",
    "\N{GRINNING FACE}" * 8,
    "e\N{COMBINING ACUTE ACCENT}" * 8,
    "a" * _HUGE,
    " " * _HUGE,
    "9" * _HUGE,  # longer than int() reads
    "0." + "1" * _HUGE,
    "1," * (_HUGE // 2),
    "[" * _HUGE,
    "```" * (_HUGE // 3),
)

#: In the places of the numbers of a true answer.
_NUMBERS: Final = (
    "nan",
    "inf",
    "-1",
    "1e999",
    "1e-999",
    "0x10",
    "1_0",
    "",
    "9" * 400,  # more than a float holds
    "9" * 5_000,
    "0" * 5_000 + "1",
    "\N{SUPERSCRIPT TWO}",
    "\N{DEVANAGARI DIGIT FOUR}",
)

_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_OTHER_DIGITS: Final = (
    str.maketrans("0123456789", "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669"),
    str.maketrans("0123456789", "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19"),
    str.maketrans("0123456789", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"),
)


def completions(answer: str) -> Iterator[str]:
    """Hostile completions to a question with this true answer: any text, and the answer defaced."""
    yield from _TEXTS
    yield from (_NUMBER.sub(number, answer) for number in _NUMBERS)
    yield from (answer.translate(digits) for digits in _OTHER_DIGITS)
    yield from (f"\0{answer}", f"{answer}\0", f"-{answer}", f"{answer}\n{answer}", answer[::-1])
    yield from (f"```{answer}", f"{answer}{answer}", f"The answer is {answer}.", answer.upper())
    yield answer * (_HUGE // len(answer))
    yield f"{answer} " * (_HUGE // (len(answer) + 1))
    yield answer + " " * _HUGE
    yield answer + " " * _HUGE + "!"
