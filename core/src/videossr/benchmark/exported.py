"""A benchmark that was handed over to another harness, read in that harness: documents, and our rewards.

The harness has an environment of its own, in which the core and the plugins are installed; no video is
decoded here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from videossr.export.rewards import Rewards

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Exported:
    """The folder of an exported benchmark, as a harness asks for it, document by document.

    A document is a row of the JSON Lines: `id`, `subtask`, `parts` (texts, and null in the place of a
    video), `videos`, `answer`, `target` (as JSON text).

    Args:
        folder: where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rewards = Rewards(folder)

    def visuals(self, document: Mapping[str, Any]) -> list[str]:
        """The paths of a document's videos, in the order of the prompt."""
        return [str(self.folder / video) for video in document["videos"]]

    def text(self, document: Mapping[str, Any]) -> str:
        """The prompt's words, without the places of its videos."""
        return "\n".join(part for part in document["parts"] if part is not None)

    def messages(self, document: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The prompt as a chat, each video in its place."""
        videos = iter(self.visuals(document))
        content = [
            {"type": "video", "url": next(videos)}
            if part is None
            else {"type": "text", "text": part}
            for part in document["parts"]
        ]
        return [{"role": "user", "content": content}]

    def score(self, document: Mapping[str, Any], completion: str) -> dict[str, float]:
        """What an answer is worth by our own reward: `score` times 100, and `unreadable`, 0 or 100.

        Raises:
            DatasetError: the folder has no configuration, or the plugins here are other ones.
            PluginError: a reward failed.
        """
        score = self._rewards.score(
            document["subtask"],
            completion,
            document["answer"],
            document["target"],
            document["id"],
        )
        return {"score": 100 * score.value, "unreadable": 0.0 if score.parsed else 100.0}
