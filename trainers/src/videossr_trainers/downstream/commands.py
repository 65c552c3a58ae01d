"""The commands `videossr eval vqa` and `videossr eval grounding`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videossr.cli.options import Quiet, Workers, progress_bar, worker_count
from videossr_trainers.answering.choice import ModelOptions, asks_a_model

if TYPE_CHECKING:
    from videossr.config import VideoConfig
    from videossr_trainers.downstream.figures import Kind
    from videossr_trainers.downstream.reading import QuestionList
    from videossr_trainers.downstream.truths import Scorer
    from videossr_trainers.downstream.videos import Videos

app = typer.Typer(
    help="Score a model on a list of questions about videos.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ListFile = Annotated[
    Path,
    typer.Argument(
        metavar="LIST",
        help="A JSON array, or JSON lines, of objects with video, question and answer.",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option("--videos", help="The folder of the videos; by default that of the list."),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="The run's folder; a run that was interrupted in it goes on."
    ),
]
NumFrames = Annotated[int, typer.Option("--num-frames", help="Most frames of a video.")]
Fps = Annotated[
    float, typer.Option("--fps", help="Frames a second; more of a longer video are spread over it.")
]
MaxPixels = Annotated[int, typer.Option("--max-pixels", help="Most pixels of a frame.")]
Shown = Annotated[int, typer.Option("--shown", min=0, help="Most failures in the report.")]
CountMalformed = Annotated[
    bool,
    typer.Option(
        "--count-malformed",
        help="Go on where rows of the list are malformed, and count them as not answered.",
    ),
]


@app.command()
@asks_a_model()
def vqa(
    questions: ListFile,
    output: Output,
    options: ModelOptions,
    videos: Folder = None,
    num_frames: NumFrames = 64,
    fps: Fps = 2.0,
    max_pixels: MaxPixels = 256 * 256,
    count_malformed: CountMalformed = False,
    shown: Shown = 24,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Score answers to questions about videos: accuracy, by greedy decoding.

    A row with options, or whose answer is one capital letter, is a multiple choice; any other is
    answered by a short text. Mistakes in the list are told before any model is loaded. Videos that are
    missing or broken are told, and count 0 in the figures over all rows.

    Example: videossr eval vqa questions.json --videos videos -o run --model Qwen/Qwen3-VL-8B-Instruct
    """
    video = video_config(num_frames, fps, max_pixels)
    _evaluate(
        "vqa",
        "vqa",
        questions,
        videos,
        output,
        options,
        video,
        count_malformed=count_malformed,
        shown=shown,
        workers=worker_count(workers),
        quiet=quiet,
    )


@app.command()
@asks_a_model()
def grounding(
    questions: ListFile,
    output: Output,
    options: ModelOptions,
    videos: Folder = None,
    num_frames: NumFrames = 64,
    fps: Fps = 2.0,
    max_pixels: MaxPixels = 256 * 256,
    count_malformed: CountMalformed = False,
    shown: Shown = 24,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Score spans of time that a model names: mIoU, R@0.3, R@0.5 and R@0.7, by greedy decoding.

    An answer in the list is [start, end] in seconds, "14.5-26.2", or a list of these, of which the one
    that fits best counts. Mistakes in the list are told before any model is loaded. Videos that are
    missing or broken are told, and count 0 in the figures over all rows.

    Example: videossr eval grounding spans.jsonl --videos videos -o run --model Qwen/Qwen3-VL-8B-Instruct
    """
    video = video_config(num_frames, fps, max_pixels)
    _evaluate(
        "grounding",
        "iou",
        questions,
        videos,
        output,
        options,
        video,
        count_malformed=count_malformed,
        shown=shown,
        workers=worker_count(workers),
        quiet=quiet,
    )


def video_config(num_frames: int, fps: float, max_pixels: int) -> VideoConfig:
    """Which frames a model is shown, checked as those of a dataset are.

    Raises:
        ConfigError: with every mistake there is.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - not needed for help

    from videossr import ConfigError  # noqa: PLC0415
    from videossr.config import VideoConfig  # noqa: PLC0415
    from videossr.errors import Mistake  # noqa: PLC0415

    least = VideoConfig().min_pixels
    try:
        return VideoConfig(
            num_frames=num_frames,
            min_frames=4,
            fps=fps,
            max_pixels=max_pixels,
            min_pixels=min(least, max_pixels),
        )
    except ValidationError as error:
        raise ConfigError(
            [
                Mistake(
                    f"--{'-'.join(map(str, one['loc']))}".replace("_", "-").rstrip("-"),
                    f"{one['msg']}",
                )
                for one in error.errors()
            ]
        ) from error


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


def looked_at(
    listed: QuestionList,
    root: Path,
    video: VideoConfig,
    output: Path,
    *,
    workers: int,
    quiet: bool,
) -> Videos:
    """The videos of a list; those that cannot be shown are told, and so are malformed rows."""
    from videossr_trainers.downstream.videos import Videos  # noqa: PLC0415 - needs torch

    names = list(dict.fromkeys(row.video for row in listed.rows))
    table = output / "videos.parquet"
    with progress_bar("looking at videos", quiet=quiet) as progress:
        videos = Videos(names, root, video, table, workers=workers, progress=progress)
    if not quiet:
        absent = {name: found for name in names if (found := videos.absent(name))}
        _tell("rows are malformed", [f"line {one.line}" for one in listed.malformed])
        _tell("videos are missing", [name for name, one in absent.items() if one.missing])
        _tell("videos cannot be read", [name for name, one in absent.items() if not one.missing])
    return videos


def _tell(words: str, names: list[str]) -> None:
    """Say before the work what will be counted as not answered."""
    if names:
        some = ", ".join(names[:3])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""  # noqa: PLR2004
        typer.echo(f"warning: {len(names)} {words}: {some}{more}", err=True)


def _evaluate(
    kind: Kind,
    scorer: Scorer,
    questions: Path,
    folder: Path | None,
    output: Path,
    options: ModelOptions,
    video: VideoConfig,
    *,
    count_malformed: bool,
    shown: int,
    workers: int,
    quiet: bool,
) -> None:
    """Everything that can be wrong is looked at before the model is loaded."""
    from videossr_trainers.answering import Decoding  # noqa: PLC0415 - none needed for help
    from videossr_trainers.console import quiet_libraries  # noqa: PLC0415
    from videossr_trainers.downstream.evaluation import (  # noqa: PLC0415
        Evaluation,
        facts_of,
        summary_of,
        write_evaluation,
    )
    from videossr_trainers.downstream.folder import claim  # noqa: PLC0415
    from videossr_trainers.downstream.outcome import outcomes_of  # noqa: PLC0415
    from videossr_trainers.downstream.reading import read_list  # noqa: PLC0415

    listed = read_list(questions, scorer)
    if not count_malformed or not listed.rows:
        listed.refuse_mistakes()
    root = folder or questions.parent
    settings = {
        "kind": kind,
        "list": listed.digest,
        "videos": str(root.absolute()),
        **model_settings(options),
        "video": video.model_dump(mode="json"),
    }
    claim(output, settings)
    there = looked_at(listed, root, video, output, workers=workers, quiet=quiet)
    quiet_libraries()
    decoding = Decoding(max_new_tokens=options.max_new_tokens)
    answerer = options.answerer(cache=output / "answers.jsonl")
    with progress_bar("asking", quiet=quiet) as progress:
        outcomes, spent = outcomes_of(
            listed, there, answerer, decoding, workers=workers, progress=progress
        )
    settings |= {
        "list": str(questions),
        "model's identity": answerer.identity,
        "answers": spent.in_words(options.prices),
    }
    evaluation = Evaluation(kind, questions.stem, outcomes, facts_of(settings))
    report = write_evaluation(evaluation, there, output, shown=shown)
    for line in summary_of(evaluation):
        typer.echo(line)
    typer.echo(f"report: {report}")
