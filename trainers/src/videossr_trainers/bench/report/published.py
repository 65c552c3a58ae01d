"""What others have published of VIUBench, measured on videos that nobody else has.

Averages over the subtasks, times 100 (arXiv 2511.06281).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Model and average score, the best first.
PUBLISHED: Final[tuple[tuple[str, float], ...]] = (
    ("GPT-5", 58.7),
    ("Gemini-2.5-Pro", 56.7),
    ("VideoSSR-8B", 51.9),
    ("Qwen3-VL-235B-A22B", 30.5),
    ("Qwen3-VL-8B-Instruct", 19.5),
)

#: The subtasks that these are averages over, as the preset `viubench` names them.
SUBTASKS: Final = frozenset(
    (
        *("grounding_channel_swap", "grounding_rotate", "grounding_zoom"),
        *("grounding_mirror", "grounding_shuffle"),
        *("counting_easy", "counting_hard", "jigsaw_easy", "jigsaw_hard"),
    )
)


def published(subtasks: Iterable[str]) -> tuple[tuple[str, float], ...]:
    """What can stand beside the mean of these subtasks; nothing unless they are VIUBench's nine."""
    return PUBLISHED if {*subtasks} == SUBTASKS else ()
