"""What others have published of VIUBench, measured on videos that nobody else has.

Averages over the subtasks, times 100 (arXiv 2511.06281).
"""

from __future__ import annotations

from typing import Final

#: Model and average score, the best first.
PUBLISHED: Final[tuple[tuple[str, float], ...]] = (
    ("GPT-5", 58.7),
    ("Gemini-2.5-Pro", 56.7),
    ("VideoSSR-8B", 51.9),
    ("Qwen3-VL-235B-A22B", 30.5),
    ("Qwen3-VL-8B-Instruct", 19.5),
)
