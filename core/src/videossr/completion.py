"""What a model's completion says, without what it thought on the way."""

from __future__ import annotations

import re
from typing import Final

_THOUGHT: Final = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_THINKING: Final = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_TAGGED: Final = re.compile(r"<answer>(.*?)</answer>", re.IGNORECASE | re.DOTALL)


def said(completion: str) -> str:
    """A completion without its thinking.

    All up to the last `</think>` goes, whether or not it says where the thinking began, which chat
    templates may have said for it. Where a `<think>` is left open, nothing remains: the answer was never
    reached. Where one pair of `<answer>` tags is left, what is in it remains. `<thinking>` is as `<think>`.
    """
    if "<" not in completion:  # most have no tags, and this is called for each of many
        return completion.strip()
    text = _THOUGHT.split(completion)[-1]
    if _THINKING.search(text):
        return ""
    tagged = _TAGGED.findall(text)
    return (tagged[0] if len(tagged) == 1 else text).strip()
