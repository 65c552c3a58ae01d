"""What a completion says, less the form that it says it in.

Lenient about form, strict about content: brackets, quotes, Markdown, a code fence, a full stop and a
lead-in such as `The answer is` are taken off; nothing is looked for in the midst of other words.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from videossr.completion import said
from videossr.errors import Unparsable

#: The longest text, less any thinking, that is looked at as an answer.
LONGEST: Final = 500

_FENCE: Final = re.compile(r"```[a-z]*\s+(.*?)\s*```", re.DOTALL)
_LEAD: Final = re.compile(
    r"(?:so,? )?(?:the |my )?(?:final |correct |right |best )?(?:answer|option|choice)"
    r"(?: is\b ?:?| ?[:=]) ?",
    re.IGNORECASE,
)
_WRAPPERS: Final = (
    ("**", "**"),
    ("__", "__"),
    ("`", "`"),
    ('"', '"'),
    ("'", "'"),
    ("\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}"),
    ("\N{LEFT SINGLE QUOTATION MARK}", "\N{RIGHT SINGLE QUOTATION MARK}"),
    ("\\boxed{", "}"),
    ("\\text{", "}"),
    ("$", "$"),
    ("(", ")"),
    ("[", "]"),
    ("{", "}"),
)


def bare(completion: str) -> str:
    """What a completion says, less thinking and form; white space as single spaces.

    Raises:
        Unparsable: it says nothing, or too much for an answer.
    """
    text = said(completion)
    if len(text) > LONGEST:
        raise Unparsable(f"more than {LONGEST} characters; must be the answer alone")
    before = None
    while text != before:  # each round takes something off, so it ends
        before = text
        text = _shed(text)
    if not text:
        raise Unparsable("says nothing; must be an answer")
    return text


def folded(text: str) -> str:
    """A text for comparison: letter case, white space, and a full stop at the end don't matter."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(plain.split()).rstrip(" .")


def _shed(text: str) -> str:
    fenced = _FENCE.fullmatch(text)
    text = " ".join((fenced[1] if fenced else text).split())
    lead = _LEAD.match(text)
    if lead and lead.end() < len(text):
        text = text[lead.end() :]
    if text.endswith(".") and not text.endswith(".."):
        text = text[:-1].rstrip()
    for left, right in _WRAPPERS:
        inner = text[len(left) : len(text) - len(right)]
        whole = len(text) >= len(left) + len(right)
        if (
            whole
            and text.startswith(left)
            and text.endswith(right)
            and left not in inner
            and right not in inner
        ):
            return inner.strip()
    return text
