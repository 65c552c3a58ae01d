"""What reaches a terminal: texts of strangers are shown there, and never obeyed.

A command prints what it likes, names of videos and words of plugins among it. Escape sequences in them could
retitle the window, hide lines or type on some terminals. Where output goes to a file or another program it
stays as it is, as that of `ls` does.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, TextIO, cast

from videossr.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def shown_not_obeyed() -> Iterator[None]:
    """Whatever is printed within, where standard output is a terminal. Bars go to standard error."""
    if not sys.stdout.isatty():
        yield
        return
    with redirect_stdout(cast("TextIO", _Visible(sys.stdout))):
        yield


class _Visible:
    """A stream of text that writes what is visible of it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(visible(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)
