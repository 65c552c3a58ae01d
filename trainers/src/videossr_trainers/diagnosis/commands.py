"""The command `videossr diagnose`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from videossr.cli.options import (
    Allow,
    PluginsDir,
    Quiet,
    Root,
    Workers,
    worker_count,
)
from videossr_trainers.answering.choice import ModelOptions
from videossr_trainers.answering.command import asks_a_model
from videossr_trainers.downstream.commands import (
    FPS,
    MAX_PIXELS,
    NUM_FRAMES,
    CountMalformed,
    Folder,
    Fps,
    MaxPixels,
    NumFrames,
    Output,
    video_config,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videossr.config import VideoConfig
    from videossr_trainers.diagnosis.source import Source
    from videossr_trainers.downstream.session import Session
    from videossr_trainers.downstream.truths import Scorer

Answers = Annotated[
    int, typer.Option("--answers", "-n", min=2, help="Answers to each question, N.")
]
Temperature = Annotated[
    float, typer.Option("--temperature", min=0.01, help="Of the answers that are drawn.")
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="Most questions of a task, chosen at random."),
]
ScorerOption = Annotated[
    Literal["exact", "choice", "iou", "number"] | None,
    typer.Option("--scorer", help="How the answers of a list are graded; a dataset knows its own."),
]
Right = Annotated[
    float,
    typer.Option(
        "--right", min=0.01, max=1, help="The reward from which on an answer counts as right."
    ),
]


@asks_a_model()
def diagnose(
    dataset: Annotated[
        Path,
        typer.Argument(help="A folder made by `videossr build`, or a list as for `videossr eval`."),
    ],
    output: Output,
    options: ModelOptions,
    scorer: ScorerOption = None,
    answers: Answers = 8,
    temperature: Temperature = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the answers that are drawn.")] = 0,
    limit: Limit = None,
    right: Right = 1.0,
    root: Root = None,
    videos: Folder = None,
    num_frames: NumFrames = NUM_FRAMES,
    fps: Fps = FPS,
    max_pixels: MaxPixels = MAX_PIXELS,
    count_malformed: CountMalformed = False,
    shown: Annotated[int, typer.Option(min=0, help="Most questions in the report.")] = 24,
    workers: Workers = None,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    quiet: Quiet = False,
) -> None:
    """Ask each question N times and see what GRPO would learn: how many answers are right, which earn alike.

    A dataset's frames are its own; --num-frames, --fps, --max-pixels, --videos, --scorer and
    --count-malformed are for lists, and --root, --plugins-dir and --allow for datasets. Answers are graded by the dataset's tasks without modifiers, or by --scorer, and by right or wrong beside it.
    The report says what is too easy, too hard or bimodal, and which labels look broken. Several GPUs
    share the questions under `accelerate launch -m videossr diagnose ...`. Exits with 1 if a question
    could not be asked, or has not all its answers.

    Example: videossr diagnose dataset -o diagnosis --model Qwen/Qwen3-VL-8B-Instruct --limit 200
    """
    from videossr_trainers.answering import Decoding  # noqa: PLC0415 - none needed for help
    from videossr_trainers.diagnosis.diagnosis import (  # noqa: PLC0415
        diagnosis_of,
        settle,
        summary_of,
        write_diagnosis,
    )
    from videossr_trainers.downstream.how import How  # noqa: PLC0415
    from videossr_trainers.downstream.session import Session, model_settings  # noqa: PLC0415

    settings = {
        "kind": "diagnose",
        "dataset": str(dataset.absolute()),
        **model_settings(options),
        "answers": answers,
        "temperature": temperature,
        "seed": seed,
        "right_from": right,
        "limit": limit,
    }
    decoding = Decoding(options.max_new_tokens, answers, temperature, seed)
    of_lists = {
        "--scorer": scorer is not None,
        "--videos": videos is not None,
        "--num-frames": num_frames != NUM_FRAMES,
        "--fps": fps != FPS,
        "--max-pixels": max_pixels != MAX_PIXELS,
        "--count-malformed": count_malformed,
    }
    of_datasets = {
        "--root": root is not None,
        "--plugins-dir": bool(plugins_dir),
        "--allow": bool(allow),
    }
    session = Session(output, worker_count(workers), quiet)
    with session.shares.speaking():
        if dataset.is_dir():
            _refuse(of_lists, "is for lists; a dataset has frames and tasks of its own")
            source = _of_dataset(
                session, dataset, settings, options, root, limit, plugins_dir or (), allow
            )
        else:
            _refuse(of_datasets, "is for datasets; a list has its videos and no tasks")
            video = video_config(num_frames, fps, max_pixels)
            source = _of_list(
                session,
                dataset,
                settings,
                options,
                scorer,
                videos,
                video,
                limit,
                count_malformed=count_malformed,
            )
        answerer = session.answerer(options)
        asking = session.ask(
            source.keys, source.sample, partial(settle, source, right), answerer, decoding
        )
    if asking is None:
        return  # the main process of several speaks
    how = How(settings, answerer.identity, asking.usage, options.prices)
    found = diagnosis_of(dataset.resolve().stem, source, asking, how)
    report = write_diagnosis(found, source, output, shown=shown)
    session.end(summary_of(found), how, report, found.faults)


def _refuse(given: Mapping[str, bool], problem: str) -> None:
    """Raise `ConfigError` with every option that was given and would have no effect."""
    from videossr.errors import ConfigError, Mistake  # noqa: PLC0415 - none needed for help

    mistakes = [Mistake(name, problem, "leave it out") for name, there in given.items() if there]
    if mistakes:
        raise ConfigError(mistakes)


def _of_dataset(
    session: Session,
    folder: Path,
    settings: dict[str, Any],
    options: ModelOptions,
    root: Path | None,
    limit: int | None,
    plugins_dir: Sequence[Path],
    allow: Sequence[str] | None,
) -> Source:
    """The questions of a dataset, after what can be wrong with it was looked at."""
    from videossr.config.load import with_plugins  # noqa: PLC0415 - none needed for help
    from videossr.config.resolve import registry_for  # noqa: PLC0415
    from videossr.dataset import Dataset  # noqa: PLC0415
    from videossr_trainers.diagnosis.source import (  # noqa: PLC0415
        DatasetSource,
        content_of,
        plain_renderer,
    )

    loaded = Dataset.load(folder, root=root)
    loaded.refuse_moved()
    registry = None
    if plugins_dir or allow:
        tree = with_plugins(dict(loaded.config), folders=plugins_dir, allow=allow or None)
        registry = registry_for(tree, named=plugins_dir)
    renderer = plain_renderer(loaded, registry)
    settings["questions"] = content_of(loaded)
    session.claim(settings, options)
    return DatasetSource(loaded, renderer, limit=limit)


def _of_list(
    session: Session,
    path: Path,
    settings: dict[str, Any],
    options: ModelOptions,
    scorer: Scorer | None,
    folder: Path | None,
    video: VideoConfig,
    limit: int | None,
    *,
    count_malformed: bool,
) -> Source:
    """The questions of a list, after what can be wrong with it was looked at."""
    from videossr import ConfigError  # noqa: PLC0415 - none needed for help
    from videossr.errors import Mistake  # noqa: PLC0415
    from videossr_trainers.diagnosis.source import ListSource  # noqa: PLC0415
    from videossr_trainers.downstream.reading import read_list  # noqa: PLC0415

    if scorer is None:
        right = "give --scorer choice, exact, iou or number; or a folder made by `videossr build`"
        raise ConfigError(Mistake(str(path), "a list does not say how it is graded", right))
    listed = read_list(path, scorer)
    if not count_malformed or not listed.rows:
        listed.refuse_mistakes()
    root = folder or path.parent
    settings |= {
        "scorer": scorer,
        "questions": listed.digest,
        "videos": str(root.absolute()),
        "video": video.model_dump(mode="json"),
    }
    session.claim(settings, options)
    listed, videos = session.look(listed, root, video, count_malformed=count_malformed)
    return ListSource(listed, videos, scorer, limit=limit)
