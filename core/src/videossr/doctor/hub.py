"""The model hub: whether it can be reached, or need not be."""

from __future__ import annotations

import os
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from videossr.finding import Finding, NotPossible

_HUB: Final = "https://huggingface.co"
_SECONDS: Final = 5.0
_TRUE: Final = frozenset({"1", "on", "yes", "true"})


def hub(*, network: bool) -> Finding:
    """It answers at all; what it answers is for whoever loads a model."""
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in _TRUE:
        return Finding("", "ok", "HF_HUB_OFFLINE is set: models come from disk alone")
    if not network:
        raise NotPossible("not asked for, by --no-network")
    place = os.environ.get("HF_ENDPOINT") or _HUB
    try:
        if not place.startswith(("https://", "http://")):
            raise URLError("is no address of the web")
        with urlopen(Request(place, method="HEAD"), timeout=_SECONDS):  # noqa: S310 - see above
            pass
    except HTTPError:
        pass  # it answers
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        meaning = "models and datasets that are not on this machine cannot be loaded"
        remedy = (
            "set HTTPS_PROXY, or HF_ENDPOINT to a mirror; or download the model elsewhere, give its "
            "folder as model.name, and set HF_HUB_OFFLINE=1"
        )
        return Finding("", "warning", f"{place} cannot be reached: {reason}", meaning, remedy)
    return Finding("", "ok", f"{place} answers")
