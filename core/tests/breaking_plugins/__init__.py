"""Plugins that each break one rule, and keep all others, to test the conformance kit with.

They are found behind entry points, in other processes too, so nothing here is made on the spot; and
importing this module must stay light, since that is a rule.
"""

from __future__ import annotations

from breaking_plugins import any_plugin, grading, modifying, perturbing, sampling, sound
from breaking_plugins.modifying import Modifier, Wrappers

_MODULES = (any_plugin, sampling, grading, sound, perturbing, modifying)


def __getattr__(name: str) -> object:
    """The plugin of a class, by the class's name in lower case: `needy` is a `Needy()`."""
    members = [member for module in _MODULES for member in vars(module).items()]
    found = {kind.lower(): value for kind, value in members if isinstance(value, type)}
    if name not in found:
        raise AttributeError(name)
    made = found[name]
    plugin = Modifier(made) if issubclass(made, Wrappers) else made()
    globals()[name] = plugin
    return plugin
