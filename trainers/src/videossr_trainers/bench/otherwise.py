"""In what two runs differ that cannot share a folder, by the options that it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from videossr.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What determines answers, by the option that sets it; of the form of frames the rest follows from these.
_OPTIONS: Final = {
    "url": "--endpoint",
    "frames": "--show",
    "quality": "--jpeg-quality",
    "crf": "--video-crf",
    "max_new_tokens": "--max-new-tokens",
}
_FOLLOWS: Final = {"pixels", "qp"}

#: What a model is known by: its name at a server, or hashes of its files.
_MODEL: Final = {"model", "adapter"}


def otherwise(theirs: Mapping[str, Any], ours: Mapping[str, Any], folder: str) -> list[Mistake]:
    """Everything that keeps a run from going on with another; empty where nothing does.

    Args:
        theirs, ours: facts of a run, as `run.json` has them.
        folder: that theirs are from.
    """

    def mistake(where: str, their: object, our: object) -> Mistake:
        return Mistake(where, f"{_told(their)} in {folder}, {_told(our)} here")

    found = []
    if theirs.get("benchmark") != ours["benchmark"]:
        sources = (f"{one.get('source')} (digest {one.get('benchmark')})" for one in (theirs, ours))
        found.append(mistake("benchmark", *sources))
    their, our = theirs.get("model"), ours["model"]
    if not (isinstance(their, dict) and isinstance(our, dict)) or _kind(their) != _kind(our):
        if their != our:
            found.append(mistake("--model", *map(_name, (theirs, ours))))
        their = our = {}
    changed = [key for key in {**their, **our} if their.get(key) != our.get(key)]
    if _MODEL & {*changed}:
        names = _name(theirs), _name(ours)
        if names[0] == names[1]:
            found.append(Mistake("--model", f"{names[0]} is another than when {folder} was made"))
        else:
            found.append(mistake("--model", *names))
    found += [
        mistake(_OPTIONS.get(key, f"the model's {key}"), their.get(key), our.get(key))
        for key in changed
        if key not in _MODEL | _FOLLOWS
    ]
    before, now = theirs.get("decoding") or {}, ours["decoding"]
    found += [
        mistake(_OPTIONS.get(key, key), before.get(key), now.get(key))
        for key in {**before, **now}
        if before.get(key) != now.get(key)
    ]
    return found


def _kind(model: Mapping[str, Any]) -> object:
    """`endpoint`, or None of a model on this machine."""
    return model.get("kind")


def _name(facts: Mapping[str, Any]) -> str | None:
    """What the model of a run is called, and where it is; None where no model was asked."""
    model = facts.get("model")
    if model is None:
        return None
    url = model.get("url") if isinstance(model, dict) else None
    return f"{facts.get('name')} at {url}" if url else str(facts.get("name"))


def _told(value: object) -> str:
    return "none" if value is None else str(value)
