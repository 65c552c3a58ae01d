"""The settings that a plugin is tried with: its `example`, perturbations filled in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from videossr.config.schema import Entry
from videossr.discovery import GROUP
from videossr.errors import PluginError
from videossr.perturbations import Perturbations, perturbation_fields
from videossr.registry import Registry
from videossr.testing.check import Hopeless

if TYPE_CHECKING:
    from pydantic import BaseModel

    from videossr.facades import Perturbation

#: What the kit's own plugins are called.
TASK: Final = "kit_flash"
PERTURBATION: Final = "kit_fading"


@cache
def own_plugins() -> Registry:
    """The kit's own task and perturbation."""
    values = {TASK: "videossr.testing.toys:flash", PERTURBATION: "videossr.testing.toys:fading"}
    return Registry(EntryPoint(name, value, GROUP) for name, value in values.items())


def example_config(registry: Registry, name: str) -> BaseModel:
    """The configuration that a working plugin is tried with.

    Raises:
        Hopeless: its `example` does not fit its `Config`, or names perturbations that don't work.
    """
    schema = registry.schema(name)
    example = getattr(registry.plugin(name), "example", {})
    if not isinstance(example, Mapping):
        raise Hopeless(f"example is {example!r}; must be a mapping of settings")
    given = {str(key): value for key, value in example.items()}
    try:
        return schema.model_validate({**given, **drawn_from(registry, schema, given)})
    except ValidationError as error:
        raise Hopeless(_misfit(error)) from error


def drawn_from(
    registry: Registry, schema: type[BaseModel], settings: Mapping[str, Any]
) -> dict[str, Perturbations]:
    """The ready values of a task's `Perturbations` fields, by field.

    Args:
        registry: where to look for perturbations.
        schema: the task's `Config`.
        settings: tables of perturbations by field, as in YAML. A required one that is missing is
            filled with all that work, or with the kit's own where none does.

    Raises:
        Hopeless: one that is named does not work.
    """
    ready = {}
    for field in perturbation_fields(schema):
        if field in settings:
            ready[field] = _named(registry, field, settings[field])
        elif schema.model_fields[field].is_required():
            ready[field] = Perturbations({one.name: (one, 1.0) for one in _working(registry)})
    return ready


def _named(registry: Registry, field: str, table: object) -> Perturbations:
    if isinstance(table, Perturbations):
        return table
    if not isinstance(table, Mapping) or not table:
        right = "must name perturbations, each with its settings"
        raise Hopeless(f"example: {field} is {table!r}; {right}")
    bound = {}
    for name, settings in table.items():
        here = f"example: {field}.{name}"
        if not isinstance(settings, Mapping | None):
            raise Hopeless(f"{here} is {settings!r}; must be a mapping of settings")
        given = {str(key): value for key, value in (settings or {}).items()}
        common = {key: given.pop(key) for key in Entry.model_fields if key in given}
        try:
            entry = Entry.model_validate(common)
        except ValidationError as error:
            raise Hopeless(f"{here}: {_mistakes(error)}") from error
        if entry.enabled:
            home = own_plugins() if name == PERTURBATION else registry
            try:
                config = home.schema(name).model_validate(given)
                bound[str(name)] = (home.perturbation(name, config), entry.weight)
            except KeyError as error:
                raise Hopeless(f"{here}: is not installed") from error
            except PluginError as error:
                raise Hopeless(f"{here}: {error}") from error
            except ValidationError as error:
                raise Hopeless(f"{here}: {_mistakes(error)}") from error
    return Perturbations(bound)


def _working(registry: Registry) -> list[Perturbation]:
    found = []
    for origin in registry.origins():
        if origin.kind == "perturbation" and origin.state == "enabled":
            try:
                config = example_config(registry, origin.name)
            except Hopeless:
                continue  # its own checks tell
            found.append(registry.perturbation(origin.name, config))
    own = own_plugins()
    return found or [own.perturbation(PERTURBATION, own.schema(PERTURBATION)())]


def _misfit(error: ValidationError) -> str:
    """Every mistake in an example, and what to do about it."""
    missing = any(item["type"] == "missing" for item in error.errors(include_url=False))
    right = (
        "give the plugin an attribute `example`, a mapping with its required settings"
        if missing
        else "make `example` settings that Config takes"
    )
    return f"{_mistakes(error)}; {right}"


def _mistakes(error: ValidationError) -> str:
    items = error.errors(include_url=False)
    return "; ".join(f"{'.'.join(map(str, i['loc'])) or 'settings'}: {i['msg']}" for i in items)
