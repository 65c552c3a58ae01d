"""The markers of the hook API, apart from its specifications so that a plugin's import stays light."""

from __future__ import annotations

from typing import Final

import pluggy

PROJECT: Final = "videossr"

#: Version of the hook API. Within one version arguments are only ever added.
API_VERSION: Final = 1

hookspec: Final = pluggy.HookspecMarker(PROJECT)

#: Marks a function or method as the implementation of a hook.
hookimpl: Final = pluggy.HookimplMarker(PROJECT)
