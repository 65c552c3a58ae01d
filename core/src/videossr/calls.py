"""Calling the hooks of one plugin: its modifiers around it, its faults under its name."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from inspect import unwrap
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from videossr._hooks import hookimpl
from videossr.deadline import Overtime, within
from videossr.errors import PluginError
from videossr.vetting import plugin_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import CodeType

    import pluggy
    from pydantic import BaseModel

    from videossr.clip import Clip
    from videossr.facades import Modifier
    from videossr.origin import Origin

#: What the hook that is running was called for: a perturbation is called from within a task's hook.
_within: Final[ContextVar[str]] = ContextVar("_within", default="")

_untraced: Final[ContextVar[bool]] = ContextVar("_untraced", default=False)


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call of a hook, as the hook and the modifiers around it see it.

    Attributes:
        hook: the hook's name.
        context: what it is called for, as in `video a.mp4, seed 7`.
    """

    hook: str
    context: str
    _origin: Origin
    _arguments: Mapping[str, Any]
    _plain: Callable[..., Any]

    @property
    def plugin(self) -> str:
        """The name of the plugin that is called."""
        return self._origin.name

    def again(self, **replaced: object) -> Any:  # noqa: ANN401 - what the hook returns
        """Call the plugin once more, without any modifier, with some arguments replaced.

        The first call has moved `rng` on; pass a copy that was made before it for the same chance.
        """
        return self._plain(**{**self._arguments, **replaced}, call=self)

    def fault(self, problem: str) -> PluginError:
        """An error that blames the plugin that is called, to be raised."""
        return blame(self._origin, self.hook, problem, self.context)


@contextmanager
def untraced() -> Iterator[None]:
    """Leave what happens in here out of the trace."""
    token = _untraced.set(True)
    try:
        yield
    finally:
        _untraced.reset(token)


def blame(origin: Origin, hook: str, problem: str, context: str = "") -> PluginError:
    """The error that names a plugin as the culprit."""
    culprit = f"plugin {origin.name!r} ({origin.bringer})" + (f", hook {hook!r}" if hook else "")
    message = f"{culprit}{', ' if context else ''}{context}: {problem}"
    return PluginError(message, plugin=origin.name, hook=hook)


class _Defaults:
    """What the core answers itself, innermost of all wrappers."""

    @hookimpl
    def prepare_clip(self, clip: Clip) -> Clip:
        """The clip as it is."""
        return clip


class Hooks:
    """The hooks of one plugin.

    pluggy broadcasts a call to all that are registered, and our hooks are one-to-one: so each plugin
    has managers of its own, in which nobody else can answer. Whatever is called through here comes
    back as it is, or as a `PluginError` that names the culprit.

    Args:
        plugin: the plugin object.
        origin: its name and bringer.
        modifiers: around it, the first the nearest.
        time_limit_s: seconds after which a call is given up; None for no limit.
    """

    def __init__(
        self,
        plugin: object,
        origin: Origin,
        modifiers: Sequence[Modifier] = (),
        time_limit_s: float | None = None,
    ) -> None:
        self.origin = origin
        self.plugin: Final[Any] = plugin
        self._limit = time_limit_s
        self._plain: Final = plugin_manager()
        self._plain.register(plugin)
        self._all: Final = plugin_manager()
        self._all.register(plugin)
        self._all.register(_Defaults())
        # By identity: two modifiers that began as one scaffold have code that is equal.
        self._authors: Final[dict[int, tuple[CodeType, Origin]]] = {}
        self._note(self._plain, plugin, origin)
        self._modifiers: Final = tuple(modifiers)
        for modifier in modifiers:
            self._all.register(modifier.wrappers)
            self._note(self._all, modifier.wrappers, modifier.origin)

    def _note(self, manager: pluggy.PluginManager, plugin: object, origin: Origin) -> None:
        """Remember whose code is whose, to tell a modifier's fault from the plugin's."""
        for caller in manager.get_hookcallers(plugin) or ():
            for one in caller.get_hookimpls():
                if one.plugin is plugin:
                    code = getattr(unwrap(one.function), "__code__", None)
                    if code:
                        self._authors[id(code)] = (code, origin)

    def call(self, hook: str, context: str, *outcomes: type[Exception], **arguments: object) -> Any:  # noqa: ANN401 - what the hook returns
        """What a hook returns.

        Args:
            hook: its name.
            context: what it is called for.
            outcomes: errors that the hook may report, and that pass as they are.
            arguments: those of its specification, all but `call`.

        Raises:
            PluginError: the hook raised anything else, or took too long.
        """
        context = ", ".join(filter(None, (_within.get(), context)))
        plain = getattr(self._plain.hook, hook)
        call = HookCall(hook, context, self.origin, arguments, plain)
        token = _within.set(context)
        started = perf_counter()
        ended = "returned"
        try:
            return within(
                self._limit, lambda: getattr(self._all.hook, hook)(**arguments, call=call)
            )
        except PluginError as error:  # of a hook inside this one, already named
            ended = f"raised {type(error).__name__}"
            raise
        except outcomes as error:
            ended = f"raised {type(error).__name__}"
            raise
        except Overtime as error:
            ended = str(error)
            raise blame(self.origin, hook, ended, context) from None
        except (Exception, SystemExit) as error:
            ended = f"raised {type(error).__name__}: {error}"
            culprit = self._author(error)
            raise blame(culprit, hook, ended, context) from error
        finally:
            _within.reset(token)
            if _tracing():
                self._trace(hook, perf_counter() - started, ended, context)

    def takes(self, hook: str, argument: str) -> bool:
        """Whether the plugin implements a hook, and asks for that argument of it."""
        found = getattr(self._plain.hook, hook).get_hookimpls()
        return any(argument in one.argnames for one in found)

    def implements(self, hook: str) -> bool:
        """Whether the plugin implements a hook."""
        return bool(getattr(self._plain.hook, hook).get_hookimpls())

    def around(self, hook: str) -> tuple[Origin, ...]:
        """The modifiers that lie around a hook, the nearest first."""
        return tuple(one.origin for one in self._modifiers if one.wraps(hook))

    def make(self, config: BaseModel) -> object:
        """What a modifier's `make_modifier` returns.

        Raises:
            PluginError: it raised.
        """
        try:
            return self._plain.hook.make_modifier(config=config)
        except (Exception, SystemExit) as error:
            problem = f"raised {type(error).__name__}: {error}"
            raise blame(self.origin, "make_modifier", problem) from error

    def _author(self, error: BaseException) -> Origin:
        """Whose code an error came from: the plugin's, or that of a modifier around it."""
        # Of a wrapper that yields twice, or never, pluggy complains in words alone.
        for code, origin in self._authors.values():
            place = f"{code.co_filename}:{code.co_firstlineno} "
            if isinstance(error, RuntimeError) and place in str(error):
                return origin
        author, trace = self.origin, error.__traceback__
        while trace:
            # The last one counts: an error passes through the modifiers on its way out.
            code = trace.tb_frame.f_code
            author = self._authors.get(id(code), (code, author))[1]
            trace = trace.tb_next
        return author

    def _trace(self, hook: str, seconds: float, ended: str, context: str) -> None:
        where = f" [{context}]" if context else ""
        line = f"trace: {1000 * seconds:9.3f} ms  {self.origin.name}.{hook} {ended}{where}\n"
        with suppress(OSError, ValueError):  # a closed stderr must not end the work
            sys.stderr.write(line)


def _tracing() -> bool:
    on = os.environ.get("VIDEOSSR_TRACE", "").lower() not in ("", "0", "false", "no", "off")
    return on and not _untraced.get()
