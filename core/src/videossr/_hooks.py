"""The markers of the hook API, apart from its specifications so that a plugin's import stays light."""

from __future__ import annotations

from typing import Final

import pluggy

PROJECT: Final = "videossr"

#: Version of the hook API. Arguments and hooks are only ever added, and each addition raises it; a
#: plugin says by `hook_api` which version it was written for, 1 if it does not say.
API_VERSION: Final = 3

hookspec: Final = pluggy.HookspecMarker(PROJECT)

#: Marks a function or method as the implementation of a hook.
hookimpl: Final = pluggy.HookimplMarker(PROJECT)
