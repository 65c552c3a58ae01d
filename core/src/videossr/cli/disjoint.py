"""`videossr disjoint`: proof that datasets have no video in common."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from videossr.cli.options import AsJson
from videossr.errors import ConfigError, Mistake
from videossr.wording import counted

if TYPE_CHECKING:
    from videossr.build.overlap import Overlap

#: Videos in common that are listed; there may be thousands.
_LISTED: Final = 10


def disjoint(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="A B...",
            help="Datasets made by `videossr build`, or video tables made by `videossr scan`.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Prove that no two datasets have a video in common. Exits with 1 if any two have.

    Videos are compared by the hash of their bytes, whatever their names; those that a dataset only
    borrows frames from count too. A copy that was encoded again is another video.

    Example: videossr disjoint dataset held_out
    """
    from videossr.build.overlap import contents, overlap  # noqa: PLC0415 - needs the tables

    if len(sources) < 2:  # noqa: PLR2004 - a pair
        raise ConfigError(Mistake(str(sources[0]), "is the only one", "give two or more"))
    real = [source.resolve() for source in sources]
    for number, source in enumerate(sources):
        if real[number] in real[:number]:
            raise ConfigError(Mistake(str(source), "is given twice", "name each once"))
    read = {str(source): contents(source) for source in sources}
    found = [overlap(one, read[one], other, read[other]) for one, other in combinations(read, 2)]
    if as_json:
        videos = {name: len(hashes) for name, hashes in read.items()}
        pairs = [{"pair": [o.one, o.other], "in_common": list(o.videos)} for o in found]
        typer.echo(json.dumps({"videos": videos, "overlaps": pairs}))
    else:
        for name, hashes in read.items():
            typer.echo(f"{name}: {counted(len(hashes), 'video')}")
        for pair in found:
            _tell(pair)
    if any(pair.videos for pair in found):
        raise typer.Exit(1)


def _tell(pair: Overlap) -> None:
    if not pair.videos:
        typer.echo(f"disjoint: {pair.one} and {pair.other} have no video in common")
        return
    typer.echo(
        f"not disjoint: {pair.one} and {pair.other} have {counted(len(pair.videos), 'video')} in common"
    )
    for name in pair.videos[:_LISTED]:
        typer.echo(f"  {name}")
    if len(pair.videos) > _LISTED:
        typer.echo(f"  and {len(pair.videos) - _LISTED} more")
