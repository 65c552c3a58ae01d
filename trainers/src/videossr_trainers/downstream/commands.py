"""The commands below `videossr eval`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from videossr.cli.options import Quiet, Workers, worker_count
from videossr_trainers.answering.choice import ModelOptions
from videossr_trainers.answering.command import asks_a_model

if TYPE_CHECKING:
    from videossr.config import VideoConfig
    from videossr_trainers.downstream.figures import Kind
    from videossr_trainers.downstream.truths import Scorer

app = typer.Typer(
    help="Score a model on a list of questions about videos, and compare such runs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

#: Which frames a model is shown unless told otherwise.
NUM_FRAMES: Final = 64
FPS: Final = 2.0
MAX_PIXELS: Final = 256 * 256

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
    num_frames: NumFrames = NUM_FRAMES,
    fps: Fps = FPS,
    max_pixels: MaxPixels = MAX_PIXELS,
    count_malformed: CountMalformed = False,
    shown: Shown = 24,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Score answers to questions about videos: accuracy, by greedy decoding.

    A row with options, or whose answer is one capital letter, is a multiple choice; any other is
    answered by a short text. Mistakes in the list are told before any model is loaded. Videos that are
    missing or broken are told, and count 0 in the figures over all rows. Several GPUs share the questions
    under `accelerate launch -m videossr eval ...`. Exits with 1 if a question has no answer.

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
    num_frames: NumFrames = NUM_FRAMES,
    fps: Fps = FPS,
    max_pixels: MaxPixels = MAX_PIXELS,
    count_malformed: CountMalformed = False,
    shown: Shown = 24,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Score spans of time that a model names: mIoU, R@0.3, R@0.5 and R@0.7, by greedy decoding.

    An answer in the list is [start, end] in seconds, "14.5-26.2", or a list of these, of which the one
    that fits best counts. Mistakes in the list are told before any model is loaded. Videos that are
    missing or broken are told, and count 0 in the figures over all rows. Several GPUs share the questions
    under `accelerate launch -m videossr eval ...`. Exits with 1 if a question has no answer.

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
    from videossr_trainers.downstream.reading import read_list  # noqa: PLC0415 - none needed for help

    listed = read_list(questions, scorer)
    if not count_malformed or not listed.rows:
        listed.refuse_mistakes()

    from videossr_trainers.answering import Decoding  # noqa: PLC0415 - after mistakes are told
    from videossr_trainers.downstream.evaluation import (  # noqa: PLC0415
        Evaluation,
        summary_of,
        write_evaluation,
    )
    from videossr_trainers.downstream.how import How  # noqa: PLC0415
    from videossr_trainers.downstream.outcome import (  # noqa: PLC0415
        askable,
        outcomes_of,
        sample_of,
        unanswered,
    )
    from videossr_trainers.downstream.session import Session, model_settings  # noqa: PLC0415

    session = Session(output, workers, quiet)
    root = folder or questions.parent
    settings = {
        "kind": kind,
        "questions": listed.digest,
        "videos": str(root.absolute()),
        **model_settings(options),
        "video": video.model_dump(mode="json"),
    }
    with session.shares.speaking():
        session.claim(settings, options)
        listed, videos = session.look(listed, root, video, count_malformed=count_malformed)
        answerer = session.answerer(options)
        rows = askable(listed, videos)
        asking = session.ask(
            list(rows),
            lambda key: sample_of(rows[key], videos),
            lambda _, answers: answers[0],
            answerer,
            Decoding(max_new_tokens=options.max_new_tokens),
        )
    if asking is None:
        return  # the main process of several speaks
    outcomes = outcomes_of(listed, videos, asking)
    how = How({"list": str(questions), **settings}, answerer.identity, asking.usage, options.prices)
    evaluation = Evaluation(kind, questions.stem, outcomes, how)
    report = write_evaluation(evaluation, videos, output, shown=shown)
    session.end(summary_of(evaluation), how, report, unanswered(outcomes))
