"""Numbers as answers."""

from __future__ import annotations

import re
from typing import Final

from videossr.errors import Unparsable
from videossr_trainers.downstream.form import bare

_NUMBER: Final = re.compile(
    r"(?P<sign>[-+\N{MINUS SIGN}]?)(?P<whole>\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?P<rest>\.\d{1,15})?",
    re.ASCII,
)


def read_number(completion: str) -> float:
    """The number that a completion states in digits, `3`, `-2.5` or `1,200`.

    Raises:
        Unparsable: any other text.
    """
    match = _NUMBER.fullmatch(bare(completion))
    if match is None:
        raise Unparsable("must be a number in digits, such as 3")
    size = float(match["whole"].replace(",", "") + (match["rest"] or ""))
    return -size if match["sign"] in {"-", "\N{MINUS SIGN}"} else size


def closeness(stated: float, true: float) -> float:
    """1 less the relative error, at least 0; of a true zero, 1 for zero and 0 for any other."""
    if stated == true:
        return 1.0
    if true == 0:
        return 0.0
    return max(0.0, 1 - abs(stated - true) / abs(true))
