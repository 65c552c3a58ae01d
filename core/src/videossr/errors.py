"""The errors that a user may meet. Each message names the input, what was wrong and what is right."""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class VideossrError(Exception):
    """Base of every error that is about the user's input or a plugin, not about a bug of the core."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a configuration: where, what, and what would be right."""

    where: str
    problem: str
    right: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}" + (f"; {self.right}" if self.right else "")


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """A question with the known name that is most like this one; empty where none is."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


class ConfigError(VideossrError):
    """A configuration or a command line that cannot be run, with every mistake in it.

    Attributes:
        mistakes: one or more.
        advice: what to do about all of them; empty where each says what is right.
    """

    def __init__(self, mistakes: Sequence[Mistake] | Mistake, advice: str = "") -> None:
        self.mistakes = (mistakes,) if isinstance(mistakes, Mistake) else tuple(mistakes)
        self.advice = advice
        super().__init__("\n".join([*map(str, self.mistakes), *([advice] if advice else [])]))

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.mistakes, self.advice)


class Mistakes:
    """Mistakes that are found in different places, and told together."""

    def __init__(self) -> None:
        # A mistake may be met twice on different ways.
        self._found: dict[Mistake, None] = {}
        self._advice: dict[str, None] = {}

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note the mistakes of a `ConfigError` that is raised within, and go on after it."""
        try:
            yield
        except ConfigError as error:
            self._found |= dict.fromkeys(error.mistakes)
            self._advice |= dict.fromkeys([error.advice] if error.advice else [])

    def tell(self) -> None:
        """Raise `ConfigError` with all that were noted, if there are any."""
        if self._found:
            raise ConfigError(tuple(self._found), "\n".join(self._advice))


class VideoError(VideossrError):
    """A video that cannot be read as promised.

    Attributes:
        reason: a short machine-readable name, such as `no_video_stream`.
    """

    def __init__(self, path: object, reason: str, detail: str) -> None:
        self.path, self.reason, self.detail = str(path), reason, detail
        super().__init__(f"{path}: {detail}")

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.path, self.reason, self.detail)


class DatasetError(VideossrError):
    """A dataset or video table that is damaged, or does not belong to what is asked of it."""


class Unsuitable(VideossrError):  # noqa: N818 - an outcome that plugins report, no fault
    """Raised by `make_sample`, or by `perturb`: this clip cannot carry a question of this kind, or be so altered.

    Give the reason in the same words each time, since the build counts them.
    """


class Unparsable(VideossrError):  # noqa: N818 - an outcome that plugins report, no fault
    """Raised by `reward`: the completion does not have the form of an answer."""


class PluginError(VideossrError):
    """A plugin that does not work, a hook that raised, or one that returned what it may not.

    Attributes:
        plugin, hook: the culprit's names; empty where unknown.
    """

    def __init__(self, message: str, *, plugin: str = "", hook: str = "") -> None:
        self.plugin, self.hook = plugin, hook
        super().__init__(message)
