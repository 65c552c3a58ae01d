"""Questions as a `datasets.DatasetDict` with a column of videos, on disk and on the Hugging Face Hub.

Saved to disk, a dataset of that library holds the files of its videos itself: the folder can be moved.
"""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import xxhash

from videossr.errors import ConfigError, Mistake, VideossrError
from videossr.export.rewards import CONFIG
from videossr.export.shown import MEDIA
from videossr.installing import install_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from videossr.export.peer import HandOver
    from videossr.export.question import Question
    from videossr.export.shown import Show

#: By which a card on the Hub is told to be one of ours.
TAG: Final = "videossr"

#: How `datasets` stores a video.
_VIDEO: Final = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

_PART: Final = pa.struct([("type", pa.string()), ("text", pa.string())])

_SCHEMA: Final = pa.schema(
    [
        ("name", pa.string()),
        ("task", pa.string()),
        ("prompt", pa.list_(pa.struct([("role", pa.string()), ("content", pa.list_(_PART))]))),
        ("videos", pa.list_(_VIDEO)),
        ("times", pa.list_(pa.list_(pa.float64()))),
        ("answer", pa.string()),
        ("target", pa.string()),
        ("difficulty", pa.float64()),
        ("floor", pa.float64()),
        ("plugin", pa.string()),
        ("plugin_version", pa.string()),
        ("source", pa.string()),
        ("seed", pa.uint64()),
    ]
)


class PushError(VideossrError):
    """A dataset that did not get to the Hub. Its folder is whole."""


@dataclass(frozen=True, slots=True)
class Datasets:
    """The library datasets."""

    name: str = "datasets"
    title: str = "datasets"
    by_twos: bool = False

    @property
    def shows(self) -> Mapping[Show, str]:
        """Files alone, which its `Video` decodes."""
        return {"video": "", "frames": "its column of videos takes files"}

    def write(self, handed: HandOver) -> None:
        """The saved dataset, the README, and the settings that our rewards hold under.

        The pictures are in the saved dataset then, and no longer beside it.
        """
        import datasets  # noqa: PLC0415 - an extra

        splits = {}
        for side, questions in handed.questions.items():
            rows = [_row(handed, question) for question in questions]
            table = pa.Table.from_pylist(rows, _SCHEMA)
            features = datasets.Features.from_arrow_schema(_SCHEMA)
            features["videos"] = datasets.List(datasets.Video())
            digest = xxhash.xxh3_128_hexdigest(repr(questions).encode())
            splits[side] = datasets.Dataset(
                datasets.table.InMemoryTable(table),
                info=datasets.DatasetInfo(features=features),
                split=datasets.NamedSplit(side),
                fingerprint=digest[:16],  # its own would depend on the moment
            )
        with _without_bars():
            datasets.DatasetDict(splits).save_to_disk(handed.folder)
        handed.write_reward("hub_reward.py.txt")
        handed.write_card(self)
        shutil.rmtree(handed.folder / MEDIA)


def refuse_without_datasets() -> None:
    """Raise `ConfigError` if the library is not installed."""
    if find_spec("datasets") is None:
        right = install_command("videossr-core[datasets]")
        raise ConfigError(Mistake("--to", "datasets, which is not installed", right))


def push(folder: Path, repository: str, *, public: bool = False) -> str:
    """Send a saved dataset and its card to the Hub, and give its address.

    Args:
        folder: that `Datasets.write` has written.
        repository: `OWNER/NAME`; made if need be. One that is there has to be one of ours.
        public: whether a repository that is made can be seen by everybody. The videos are somebody's.

    Raises:
        PushError: it is somebody else's, or to be seen by all though `public` is not set, or the Hub cannot be reached or refuses; the folder is whole.
    """
    import datasets  # noqa: PLC0415 - an extra
    from huggingface_hub import HfApi  # noqa: PLC0415 - comes with datasets
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415

    api = HfApi()
    try:
        made = api.create_repo(repository, repo_type="dataset", private=not public, exist_ok=True)
        _refuse_others(api, made.repo_id, public=public)
        # The card first: what the library adds to it, splits and columns, it adds to one that is there.
        for name, file in _files(folder, made.repo_id).items():
            api.upload_file(
                path_or_fileobj=file, path_in_repo=name, repo_id=made.repo_id, repo_type="dataset"
            )
        with _without_bars():
            datasets.load_from_disk(folder).push_to_hub(made.repo_id)
    except (HfHubHTTPError, OSError, ValueError) as error:
        problem = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        right = (
            f"the folder {folder} is whole: datasets.load_from_disk({str(folder)!r})"
            f".push_to_hub({repository!r}) sends it, too"
        )
        raise PushError(f"{repository}: not sent to the Hub: {problem}; {right}") from error
    return str(made)


@contextmanager
def _without_bars() -> Iterator[None]:
    """Keep the library's own bars off the console."""
    import datasets  # noqa: PLC0415 - an extra

    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _files(folder: Path, repository: str) -> dict[str, bytes]:
    """What goes to the Hub beside the questions: the card, as there, and how answers are graded."""
    files = {name: (folder / name).read_bytes() for name in ("README.md", "reward.py", CONFIG)}
    text = files["README.md"].decode().replace("import load_from_disk", "import load_dataset")
    there = f"load_dataset({json.dumps(repository)})"
    files["README.md"] = re.sub(r'load_from_disk\(".*"\)', lambda _: there, text).encode()
    return files


def _refuse_others(api: Any, repository: str, *, public: bool) -> None:  # noqa: ANN401 - huggingface_hub's
    """Raise `PushError` for a repository with something else in it, or one that all can see unasked."""
    info = api.repo_info(repository, repo_type="dataset")
    if not public and not info.private:
        problem = "is on the Hub already, where everybody can see it"
        raise PushError(f"{repository}: {problem}; choose another name, or say --public")
    names = {file.rfilename for file in info.siblings or ()} - {".gitattributes"}
    if names and TAG not in (info.tags or ()):
        problem = f"is on the Hub already, with {len(names)} files that are not of an export"
        raise PushError(f"{repository}: {problem}; choose another name")


def _row(handed: HandOver, question: Question) -> dict[str, Any]:
    videos = [
        {"bytes": None, "path": str(handed.folder / name)}
        for clip in question.clips
        for name in clip.files
    ]
    return {
        **{name: getattr(question, name) for name in _SCHEMA.names if hasattr(question, name)},
        "prompt": [dict(message) for message in question.messages],
        "videos": videos,
        "times": [list(clip.times) for clip in question.clips],
        "source": question.video,
    }
