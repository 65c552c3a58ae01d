"""A command that puts questions to a model, from its folder to its exit code.

`videossr eval` and `videossr diagnose` go through it alike: the folder is claimed, videos are looked at,
the model is asked, by several processes each its share, and questions without an answer end the command
with 1, after everything is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import typer

from videossr.cli.options import progress_bar
from videossr.errors import ConfigError, Mistake
from videossr.visible import visible
from videossr.wording import counted
from videossr_trainers.answering.shares import Shares
from videossr_trainers.console import quiet_libraries
from videossr_trainers.downstream.asking import Asking, ask
from videossr_trainers.downstream.folder import ANSWERS, claim
from videossr_trainers.downstream.outside import outside_as_malformed
from videossr_trainers.downstream.truths import shown
from videossr_trainers.downstream.videos import Videos, look_at
from videossr_trainers.models.names import missing_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from videossr.config import VideoConfig
    from videossr.sample import Sample
    from videossr_trainers.answering import Answer, Answerer, Decoding
    from videossr_trainers.answering.choice import ModelOptions
    from videossr_trainers.downstream.how import How
    from videossr_trainers.downstream.reading import QuestionList

_T = TypeVar("_T")

#: Names of which a warning says so many.
_NAMED: Final = 3


@dataclass(frozen=True)
class Session:
    """One process's part in a command that asks a model; made by all of them, at the same point.

    Attributes:
        folder: of the run.
        workers: files looked at side by side, and threads that render.
        quiet: show errors only.
        shares: by which the processes part the work.
    """

    folder: Path
    workers: int
    quiet: bool
    shares: Shares = field(default_factory=Shares)

    @property
    def silent(self) -> bool:
        """Whether this process shows no progress: of several, one does."""
        return self.quiet or not self.shares.main

    def claim(self, settings: Mapping[str, Any], options: ModelOptions) -> None:
        """As `folder.claim`, by the main process, unless the model is known not to be there.

        Raises:
            ConfigError: there is something else in the folder, or no model where it was said to be.
        """

        def checked() -> None:
            _refuse_missing(options)
            claim(self.folder, settings)

        self.shares.once(checked)

    def look(
        self, listed: QuestionList, root: Path, video: VideoConfig, *, count_malformed: bool
    ) -> tuple[QuestionList, Videos]:
        """The videos of a list, and the list without what does not fit them.

        Videos that cannot be shown are told, and so are malformed rows.

        Args:
            listed: as it was read.
            root: the folder of the videos.
            video: how frames are taken.
            count_malformed: go on where answers lie outside of their video.

        Raises:
            ConfigError: the folder is not there, or none of the videos is in it; or malformed rows.
        """
        names = list(dict.fromkeys(row.video for row in listed.rows))
        # A malformed row is of the same video as others, if it names it.
        named = [*names, *(row.video for row in listed.malformed if row.video)]
        table = self.folder / "videos.parquet"
        with progress_bar("looking at videos", quiet=self.silent) as progress:
            seen = self.shares.once(
                lambda: look_at(named, root, table, workers=self.workers, progress=progress)
            )
        videos = Videos(seen, root, video)
        fitting = outside_as_malformed(listed, videos)
        if not count_malformed or not fitting.rows:
            self.shares.once(fitting.refuse_mistakes)
        if not self.silent:
            absent = {name: found for name in names if (found := videos.absent(name))}
            missing = [name for name, one in absent.items() if one.missing]
            torn = [name for name, one in absent.items() if not one.missing]
            lines = [f"line {one.line}" for one in fitting.malformed]
            _warn_misspelt(fitting)
            _warn("row is malformed", "rows are malformed", lines)
            _warn("video is missing", "videos are missing", missing)
            _warn("video cannot be read", "videos cannot be read", torn)
        return fitting, videos

    def answerer(self, options: ModelOptions) -> Answerer:
        """The model, with the answers that the folder has of it.

        Raises:
            ConfigError: it cannot be used.
        """
        quiet_libraries()
        return options.answerer(cache=self.folder / ANSWERS)

    def ask(
        self,
        keys: Sequence[str],
        render: Callable[[str], Sample],
        settle: Callable[[str, tuple[Answer, ...]], _T],
        answerer: Answerer,
        decoding: Decoding,
    ) -> Asking[_T] | None:
        """As `asking.ask`, with progress on the terminal."""
        with progress_bar("asking", quiet=self.silent) as progress:
            return ask(
                keys,
                render,
                settle,
                answerer,
                decoding,
                shares=self.shares,
                workers=self.workers,
                progress=progress,
            )

    def end(self, lines: Iterable[str], how: How, report: Path, faults: Sequence[str]) -> None:
        """Tell what came of it.

        Args:
            lines: the main figures.
            how: they were measured.
            report: the page.
            faults: which questions have no answer.

        Raises:
            typer.Exit: with 1, if there are any.
        """
        if not self.quiet:
            took = [f"{what}: {words}" for what, words in how.told.items()]
            for line in (*lines, *took, f"report: {report}"):
                typer.echo(line)
        for fault in faults:
            typer.echo(visible(f"error: {fault}"), err=True)
        if faults:
            raise typer.Exit(1)


def model_settings(options: ModelOptions) -> dict[str, Any]:
    """What of the options an answer depends on."""
    asked: dict[str, Any] = {
        "model": options.model,
        "revision": options.revision,
        "endpoint": options.endpoint,
    }
    if options.endpoint:
        asked |= {"show": options.show, "jpeg_quality": options.jpeg_quality}
        asked |= {"video_crf": options.video_crf}
    return {**asked, "max_new_tokens": options.max_new_tokens}


def _refuse_missing(options: ModelOptions) -> None:
    """Raise `ConfigError` for a folder that is not there, before videos are looked at."""
    problem = None if options.endpoint else missing_folder(options.model)
    if problem:
        right = "give a folder with a model and its processor, an adapter, or a Hugging Face name"
        raise ConfigError(Mistake(f"--model {options.model}", problem, right))


def _warn_misspelt(listed: QuestionList) -> None:
    """Say which fields look as if they were meant for others."""
    for (name, known), rows in listed.misspelt.items():
        what = f"{counted(rows, 'row has', 'rows have')} a field {shown(name)}"
        typer.echo(visible(f"warning: {what}; did you mean {known!r}?"), err=True)


def _warn(one: str, several: str, names: list[str]) -> None:
    """Say before the work what will be counted as not answered."""
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        some = ", ".join(names[:_NAMED])
        typer.echo(visible(f"warning: {counted(len(names), one, several)}: {some}{more}"), err=True)
