"""Our rewards for questions that were handed over, in an environment of others.

There the core and the plugins are installed; nothing is decoded, and torch need not be there. The folder
that was handed over has the settings that the rewards hold under.
"""

from __future__ import annotations

import json
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from videossr.config import resolve
from videossr.errors import DatasetError
from videossr.origin import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.dataset import Dataset
    from videossr.facades import Score

#: The file that has the configuration of the tasks, and the versions of the plugins.
CONFIG: Final = "config.json"


def rewards_config(dataset: Dataset, **more: object) -> str:
    """The text of `CONFIG` for the questions of a dataset.

    Args:
        more: what else it is to say, as plain JSON values.
    """
    core = SECTIONS - {"store"}  # where clips are kept is nothing that a reward depends on
    config = {name: part for name, part in dataset.config.items() if name in core}
    tree = {**more, "config": config, "plugins": dataset.plugins}
    return json.dumps(tree, indent=1) + "\n"


class Rewards:
    """The rewards of a folder's questions. Threads may share one.

    Args:
        folder: with `CONFIG`, which is read when the first answer is graded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._config: RunConfig | None = None

    def score(
        self,
        task: str,
        completion: str,
        answer: str,
        target: str | Mapping[str, Any],
        context: str = "",
    ) -> Score:
        """What a completion is worth, exactly as in training by us.

        Args:
            task: by its name in the configuration.
            completion: all that the model wrote.
            answer: the text that scores 1.0.
            target: what else the reward needs; as text, in JSON.
            context: which question it is, for an error to name.

        Raises:
            DatasetError: the folder has no configuration, or not this task; or the plugins here are others.
            PluginError: a reward failed.
        """
        tasks = self._resolved().tasks
        if task not in tasks:
            raise DatasetError(f"{self.folder}: no task {task!r}; there are {', '.join(tasks)}")
        known = json.loads(target) if isinstance(target, str) else target
        return tasks[task].task.score(completion, answer, known, context)

    def _resolved(self) -> RunConfig:
        with self._lock:
            if self._config is None:
                self._config = self._read()
            return self._config

    def _read(self) -> RunConfig:
        path = self.folder / CONFIG
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))
            built, config = tree["plugins"], tree["config"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            right = "export the questions again"
            raise DatasetError(f"{path}: {error}; {right}") from error
        resolved = resolve(config)
        for name, origin in resolved.plugins.items():
            version = built.get(name, {}).get("plugin_version")
            if version is not None and version != origin.plugin_version:
                raise DatasetError(
                    f"plugin {name!r}: the questions are of its version {version!r}, here is version "
                    f"{origin.plugin_version!r}; install the one that they were built with"
                )
        return resolved
