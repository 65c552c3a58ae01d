"""A benchmark that was handed over to another harness, read in that harness: documents, and our rewards.

The harness has an environment of its own, in which the core and the plugins are installed; no video is
decoded here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from videossr.config import resolve
from videossr.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from videossr.config import RunConfig

#: The file that has the configuration of the tasks.
CONFIG: Final = "config.json"


class Exported:
    """The folder of an exported benchmark, as a harness asks for it, document by document.

    A document is a row of the JSON Lines: `id`, `subtask`, `parts` (texts, and null in the place of a
    video), `videos`, `answer`, `target` (as JSON text).

    Args:
        folder: where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._config: RunConfig | None = None

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
        task = self._tasks().tasks[document["subtask"]].task
        target = json.loads(document["target"])
        score = task.score(completion, document["answer"], target, document["id"])
        return {"score": 100 * score.value, "unreadable": 0.0 if score.parsed else 100.0}

    def _tasks(self) -> RunConfig:
        if self._config is None:
            path = self.folder / CONFIG
            try:
                tree = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                right = "export the benchmark again"
                raise DatasetError(f"{path}: {error}; {right}") from error
            self._config = resolve(tree["config"])
            for name, origin in self._config.plugins.items():
                built = tree["plugins"].get(name, {}).get("plugin_version")
                if built is not None and built != origin.plugin_version:
                    raise DatasetError(
                        f"plugin {name!r}: the benchmark is of its version {built!r}, here is version "
                        f"{origin.plugin_version!r}; install the one that the benchmark was built with"
                    )
        return self._config
