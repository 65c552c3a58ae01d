"""What an engine is, and what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Iterable
    from contextlib import AbstractContextManager

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class Work(Protocol[Item_contra, Result_co]):
    """What is done to each piece. Where it is done elsewhere it gets there by pickle."""

    def begin(self) -> AbstractContextManager[Callable[[Item_contra], Result_co]]:
        """What is to be called for each piece, in any thread; called once in every process that works."""


class Each(Protocol[Item, Result_co]):
    """Does pieces of work, at the places that an engine has."""

    def __call__(self, items: Iterable[Item]) -> Generator[tuple[Item, Result_co]]:
        """The pieces, each with its result, in the order in which they come.

        Raises:
            VideossrError: one of the pieces raised it. Those not yet begun are let go.
        """


class Engine(Protocol):
    """Does work in several places at a time."""

    def at(
        self, work: Work[Any, Any], *, together: Callable[[Any], Hashable]
    ) -> AbstractContextManager[Each[Any, Any]]:
        """Get ready for some work, and end it: what has not begun by then is let go.

        Args:
            work: what is done.
            together: pieces that follow each other and are alike in this are done in one place, since
                they need the same things: the clips of one video, say.
        """
