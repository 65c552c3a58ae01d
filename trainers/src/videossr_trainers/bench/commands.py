"""The commands below `videossr bench`."""

from __future__ import annotations

import json
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videossr.cli.build import describe, videos_of
from videossr.cli.engines import EngineName, EngineOption, engine_of
from videossr.cli.options import (
    Allow,
    AsJson,
    PluginsDir,
    Quiet,
    Root,
    Strict,
    Workers,
    checked_config,
    progress_bar,
    worker_count,
)
from videossr.errors import ConfigError, Mistake, VideossrError
from videossr.visible import visible
from videossr_trainers.answering.choice import MaxNewTokens, ModelOptions
from videossr_trainers.answering.command import asks_a_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from videossr.benchmark import Benchmark
    from videossr.dataset import Recipe
    from videossr.registry import Registry
    from videossr.video_table import VideoRow
    from videossr_trainers.answering.shares import Shares
    from videossr_trainers.bench.asking import Asker, Questions
    from videossr_trainers.bench.folder import Finished

app = typer.Typer(
    help="VIUBench: build it from your videos, put it to models, read what came of it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_PRESET = "viubench"

BenchmarkFolder = Annotated[
    Path, typer.Argument(metavar="BENCH", help="A folder made by `videossr bench build`.")
]


@app.command()
def build(
    videos: Annotated[
        Path, typer.Option(help="A table from `videossr scan`, or a folder to scan on the way.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The benchmark's folder, to be made.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG] [KEY=VALUE]...",
            help="A preset's name or a YAML file, by default viubench; then settings laid over it.",
        ),
    ] = None,
    disjoint_from: Annotated[
        list[Path] | None,
        typer.Option(
            "--disjoint-from",
            metavar="DATASET",
            help="A dataset or video table, such as a training set, none of whose videos are to be "
            "asked about; may be repeated.",
        ),
    ] = None,
    workers: Workers = None,
    engine: EngineOption = EngineName.LOCAL,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    strict: Strict = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Make a benchmark: a dataset whose questions are all checked; by default VIUBench's nine subtasks.

    300 questions for each subtask, or as build.size and the weights of the tasks say. What
    --disjoint-from names is left out, and when the benchmark is there it is proved that the two have
    no video in common. A build that was ended goes on where it stopped.

    Example: videossr bench build --videos videos.parquet -o bench build.size=90
    """
    from videossr.benchmark import (  # noqa: PLC0415 - needs torch
        Benchmark,
        refuse_overlap,
        refuse_planned,
    )
    from videossr.build import build_to  # noqa: PLC0415
    from videossr_trainers.console import StageConsole  # noqa: PLC0415 - rich is slow to import

    words = list(settings or ())
    config = words.pop(0) if words and "=" not in words[0] else _PRESET
    checked = checked_config(config, words, plugins_dir=plugins_dir, allow=allow, strict=strict)
    refuse_planned(checked)
    if output.exists():
        right = "choose another folder, or remove this one"
        raise ConfigError(Mistake(str(output), "exists already", right))
    silent = quiet or as_json
    chosen = engine_of(engine, workers)
    rows, root = videos_of(videos, chosen, quiet=silent)
    rows, dropped = _without(rows, disjoint_from or ())
    with StageConsole(quiet=silent) as console:
        summary = build_to(
            output,
            checked,
            rows,
            root,
            engine=chosen,
            progress=console.stage("building"),
            floors_progress=console.stage("measuring floors"),
        )
    refuse_overlap(output, disjoint_from or ())
    benchmark = Benchmark.load(output)
    if as_json:
        tree = {"digest": benchmark.digest, "subtasks": benchmark.subtasks, "left_out": dropped}
        typer.echo(json.dumps(tree))
    elif not quiet:
        describe(output, summary)
        for other in disjoint_from or ():
            typer.echo(
                f"  no video in common with {other}; {dropped[str(other)]} left out for that"
            )
        typer.echo(f"  digest {benchmark.digest}")


def _without(
    rows: Sequence[VideoRow], others: Sequence[Path]
) -> tuple[list[VideoRow], dict[str, int]]:
    """The rows of videos that are in none of some datasets, and how many each of them rules out."""
    from videossr.build.overlap import contents  # noqa: PLC0415 - needs the tables

    kept = list(rows)
    dropped = {}
    for other in others:
        theirs = contents(other)
        left = [row for row in kept if row.hash not in theirs]
        dropped[str(other)] = len(kept) - len(left)
        kept = left
    return kept, dropped


@app.command()
@asks_a_model(without="Without a model the baselines alone are measured.")
def run(
    benchmark: BenchmarkFolder,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The run's folder; one that was begun is gone on with."
        ),
    ],
    options: ModelOptions | None,
    conditions: Annotated[
        str,
        typer.Option(
            help="What the model is shown: its own video, grey, another question's; separated by commas."
        ),
    ] = "sighted,blind,wrong_video",
    cache: Annotated[
        Path | None,
        typer.Option(help="A file of answers to share between runs; by default one in the run."),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            help="A folder that keeps decoded clips for other runs, as `videossr store` fills it."
        ),
    ] = None,
    root: Root = None,
    workers: Workers = None,
    engine: EngineOption = EngineName.LOCAL,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Put a benchmark to a model, greedily, and score it beside the baselines.

    Every question is asked sighted, blind and with another question's video. Oracle, best constant and
    chance need no model. A run that was ended goes on where it stopped, and what failed is asked again.
    Several GPUs share the questions under `accelerate launch -m videossr bench run ...`, those of a Ray
    cluster with `--engine ray`. Exits with 1 if a question has no answer.

    Example: videossr bench run bench --model Qwen/Qwen3-VL-8B-Instruct -o runs/qwen
    """
    from videossr.benchmark import Benchmark  # noqa: PLC0415 - needs torch
    from videossr.render import Renderer  # noqa: PLC0415
    from videossr_trainers.answering.shares import Shares  # noqa: PLC0415
    from videossr_trainers.bench.asking import Questions  # noqa: PLC0415
    from videossr_trainers.bench.conditions import conditions_of  # noqa: PLC0415
    from videossr_trainers.bench.folder import CACHE  # noqa: PLC0415
    from videossr_trainers.bench.running import run_benchmark  # noqa: PLC0415
    from videossr_trainers.console import quiet_libraries  # noqa: PLC0415

    if options and options.endpoint is None:
        quiet_libraries()
    shares = Shares()
    with shares.speaking():
        asked = conditions_of(conditions)
        loaded = Benchmark.load(benchmark, root=root)
        loaded.dataset.refuse_moved()
        registry = _registry(loaded, plugins_dir or (), allow)
        renderer = Renderer.for_dataset(loaded.dataset, registry=registry, store=store)
        questions = Questions(loaded.dataset.recipes, renderer, asked if options else ())
        silent = quiet or as_json or not shares.main
        with (
            _asker(questions, options, engine, workers, cache, output / CACHE, shares) as asker,
            progress_bar("asking", quiet=silent) as bar,
        ):
            finished = run_benchmark(
                loaded,
                benchmark,
                asker,
                output,
                model=options.model if options else "",
                prices=options.prices if options else None,
                shares=shares,
                progress=(lambda _, done, total: bar(done, total)) if bar else None,
            )
    if finished is None:
        return  # the main process of several speaks
    scores = json.loads((output / "scores.json").read_text(encoding="utf-8"))
    if as_json:
        typer.echo(json.dumps({"run": str(output), "facts": finished.facts, "scores": scores}))
    elif not quiet:
        _tell(output, finished, scores)
    failed = sum(sum(found.values()) for found in finished.facts["failures"].values())
    for condition, found in finished.facts["failures"].items():
        for reason, count in found.items():
            typer.echo(
                visible(f"error: {condition}: {count} without an answer: {reason}"), err=True
            )
    if failed or finished.facts["unrendered"]:
        raise typer.Exit(1)


@contextmanager
def _asker(
    questions: Questions,
    options: ModelOptions | None,
    engine: EngineName,
    workers: int | None,
    cache: Path | None,
    own_cache: Path,
    shares: Shares,
) -> Iterator[Asker]:
    """Who asks, by the options of the command line."""
    from videossr_trainers.answering import Decoding  # noqa: PLC0415 - needs torch
    from videossr_trainers.bench.apart import apart  # noqa: PLC0415
    from videossr_trainers.bench.asking import Here  # noqa: PLC0415

    decoding = Decoding(options.max_new_tokens) if options else Decoding()
    if engine is EngineName.LOCAL:
        answerer = options.answerer(cache=cache or own_cache) if options else None
        yield Here(questions, answerer, decoding, worker_count(workers))
        return
    mistakes = []
    if cache:
        problem = f"with --engine {engine}: its processes write no file together"
        right = "leave it out: what was answered is kept in the run"
        mistakes.append(Mistake("--cache", problem, right))
    if not shares.alone:
        problem = "under a launcher: either of the two starts processes"
        mistakes.append(Mistake(f"--engine {engine}", problem, "start it without `accelerate`"))
    if mistakes:
        raise ConfigError(mistakes)
    chosen = engine_of(engine, workers, models=options is not None)
    with apart(chosen, questions, options, decoding) as asker:
        yield asker


def _tell(output: Path, finished: Finished, scores: dict[str, Any]) -> None:
    names = list(scores)
    width = max(len(name) for name in [*finished.facts["subtasks"], "mean of subtasks"])
    typer.echo(f"{'':{width}}  floor  " + "  ".join(f"{name:>11}" for name in names))
    for subtask in [*finished.facts["subtasks"], "mean of subtasks"]:
        cells, floor = [], ""
        for name in names:
            tree = scores[name]
            one = tree["mean"] if subtask == "mean of subtasks" else tree["subtasks"].get(subtask)
            raw = one["raw"] if one else None
            cells.append(f"{raw['mean']:11.1f}" if raw else f"{'-':>11}")
            floor = f"{one['floor']:5.1f}" if one else floor
        typer.echo(f"{subtask:{width}}  {floor:>5}  " + "  ".join(cells))
    for what, words in finished.told.items():
        typer.echo(f"{what}: {words}")
    typer.echo(f"run: {output}")


def _registry(
    benchmark: Benchmark, folders: Sequence[Path], allow: Sequence[str] | None
) -> Registry | None:
    """The plugins to choose from where the command line has a say; otherwise as the benchmark says."""
    from videossr.config.load import with_plugins  # noqa: PLC0415 - needs pydantic
    from videossr.config.resolve import registry_for  # noqa: PLC0415

    if not folders and not allow:
        return None
    tree = with_plugins(dict(benchmark.dataset.config), folders=folders, allow=allow or None)
    return registry_for(tree, named=folders)


@app.command()
def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders made by `videossr bench run`.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The HTML file; JSON and CSV of the same name go beside it."
        ),
    ],
    benchmark: Annotated[
        Path | None,
        typer.Option(help="The benchmark's folder, if not where it was when the run was made."),
    ] = None,
    worst: Annotated[
        int, typer.Option(min=0, help="Of each subtask, worst answers that are shown.")
    ] = 2,
    by_chance: Annotated[
        int, typer.Option(min=0, help="Of each subtask, other answers that are shown.")
    ] = 2,
    root: Root = None,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    quiet: Quiet = False,
) -> None:
    """Write what came of one or several runs on one page: scores, controls, answers to look at.

    Several runs of one benchmark are compared with the first, question by question. Runs of other
    benchmarks are refused. Where the videos are not at hand, answers are shown without their clips.

    Example: videossr bench report runs/qwen -o report.html
    """
    from videossr.benchmark import Benchmark  # noqa: PLC0415 - needs torch
    from videossr.render import Renderer  # noqa: PLC0415
    from videossr_trainers.bench.folder import Finished  # noqa: PLC0415
    from videossr_trainers.bench.report import write_bench_report  # noqa: PLC0415

    loaded = [Finished.load(run) for run in runs]
    folder = benchmark or Path(loaded[0].facts["source"])
    renderer: Renderer | None = None
    recipes: Sequence[Recipe] = ()
    try:
        found = Benchmark.load(folder, root=root)
        found.dataset.refuse_moved()
    except VideossrError as error:
        if benchmark or root:
            raise
        warnings.warn(f"no clips in the report: {error}", stacklevel=1)
    else:
        if found.digest != loaded[0].facts["benchmark"]:
            problem = (
                f"has the digest {found.digest}, {runs[0]} is of {loaded[0].facts['benchmark']}"
            )
            raise ConfigError(Mistake(str(folder), problem, "give the benchmark by --benchmark"))
        registry = _registry(found, plugins_dir or (), allow)
        renderer = Renderer.for_dataset(found.dataset, registry=registry)
        recipes = found.dataset.recipes
    with progress_bar("rendering", quiet=quiet) as progress:
        written = write_bench_report(
            loaded,
            output,
            renderer=renderer,
            recipes=recipes,
            worst=worst,
            by_chance=by_chance,
            progress=progress,
        )
    if not quiet:
        for path in written:
            typer.echo(f"report: {path}")


@app.command()
def export_lmms(
    benchmark: BenchmarkFolder,
    output: Annotated[Path, typer.Option("--output", "-o", help="The task folder, to be made.")],
    crf: Annotated[
        int,
        typer.Option(
            min=0, max=51, help="Quality of the videos: 0 loses nothing but colour detail."
        ),
    ] = 0,
    max_new_tokens: MaxNewTokens = 64,
    root: Root = None,
    workers: Workers = None,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    quiet: Quiet = False,
) -> None:
    """Hand a benchmark over to lmms-eval: a task folder for its --include_path.

    A task for each subtask and the group viubench, with our rewards and rendered videos. videossr-core
    and the plugins have to be installed beside lmms-eval.

    Example: videossr bench export-lmms bench -o lmms_tasks
    """
    from videossr.benchmark import Benchmark  # noqa: PLC0415 - needs torch
    from videossr.render import Renderer  # noqa: PLC0415
    from videossr_trainers.bench.lmms_eval import export_lmms_eval  # noqa: PLC0415

    loaded = Benchmark.load(benchmark, root=root)
    loaded.dataset.refuse_moved()
    registry = _registry(loaded, plugins_dir or (), allow)
    with progress_bar("rendering", quiet=quiet) as progress:
        exports = export_lmms_eval(
            loaded,
            Renderer.for_dataset(loaded.dataset, registry=registry),
            output,
            crf=crf,
            max_new_tokens=max_new_tokens,
            workers=worker_count(workers),
            progress=progress,
        )
    if not quiet:
        size = f"{exports.bytes / 2**20:.1f} MiB"
        typer.echo(
            f"{output}: {exports.questions} questions in {len(exports.tasks)} tasks, "
            f"{exports.videos} videos, {size}"
        )
