"""Another process, which looks at plugins: `python -m videossr.testing.elsewhere`.

Reads requests from the standard input and writes replies to the standard output, each a line of JSON.
A request names a plugin, where it and the perturbations that it draws from come from, where modules
are looked for, and what is asked: `imports`, the heavy modules that are in the process once the plugin is, or `digests`, hashes of
what the plugin makes. For example

    {"what": "imports", "name": "sepia", "points": {"sepia": "my_package:plugin"}, "files": [], "path": []}
    {"found": ["numpy"]}
"""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from videossr.discovery import GROUP
from videossr.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a plugin's module must not import, since every listing of plugins would wait for it.
HEAVY: Final = frozenset({"torch", "numpy"})


def main() -> None:
    """Answer requests until there are none left."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # What plugins print is no reply.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        replies.write(json.dumps(_reply(json.loads(line))) + "\n")
        replies.flush()


def _reply(request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"found": _found(request)}
    except Exception as error:  # noqa: BLE001 - the other process tells the user
        return {"error": str(error) or type(error).__name__}


def _found(request: Mapping[str, Any]) -> list[str]:
    sys.path[:] = request["path"]
    points = [EntryPoint(name, value, GROUP) for name, value in request["points"].items()]
    files = [Path(file) for file in request["files"]]
    # Of a folder of files those that were asked for.
    registry = Registry(
        points,
        folders=sorted({file.parent for file in files}),
        allow=[*request["points"], *(file.stem for file in files)],
    )
    registry.plugin(request["name"])
    if request["what"] == "imports":
        return sorted(HEAVY & sys.modules.keys())
    # These need torch, which would hide that the plugin does.
    from videossr.testing.digests import digests_of  # noqa: PLC0415
    from videossr.testing.subject import Subject  # noqa: PLC0415

    return digests_of(Subject(registry, request["name"]))


if __name__ == "__main__":
    main()
