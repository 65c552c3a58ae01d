"""Writing the task folder: a YAML for each subtask and one for the group, questions, videos.

FOLDER/viubench.yaml            the group: the mean of the subtasks
FOLDER/viubench_SUBTASK.yaml    a task
FOLDER/SUBTASK.jsonl            its questions
FOLDER/videos/*.mp4             what they are about, rendered
FOLDER/utils.py, config.json    our rewards, and the settings that they hold under
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import xxhash
import yaml

from videossr import ConfigError
from videossr.atomic import making
from videossr.benchmark import key_of
from videossr.errors import Mistake
from videossr.export.clock import late
from videossr.export.rewards import CONFIG, rewards_config
from videossr.threads import one_torch_thread
from videossr.video import encode_mp4

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from videossr.benchmark import Benchmark
    from videossr.dataset import Recipe
    from videossr.render import Renderer

#: What the group is called, and what the names of its tasks begin with.
GROUP: Final = "viubench"

#: Characters of a subtask in the name of a file; a longer one is cut, and told from others by a hash.
_NAME: Final = 60
_HASH: Final = 12


@dataclass(frozen=True, slots=True)
class Exports:
    """What was written.

    Attributes:
        tasks: their names in lmms-eval.
        questions, videos, bytes: how many; bytes of the videos.
    """

    tasks: tuple[str, ...]
    questions: int
    videos: int
    bytes: int


def export_lmms_eval(
    benchmark: Benchmark,
    renderer: Renderer,
    folder: Path,
    *,
    crf: int = 0,
    max_new_tokens: int = 64,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Exports:
    """Write a benchmark as a task folder for lmms-eval's `--include_path`. It appears whole or not at all.

    Videos are H.264 with the frames' own times, counted from the first frame; where a clip begins later
    than that, a sentence before the question says at which second. With `crf` 0 only the
    conversion to 4:2:0 colour loses anything.

    Args:
        benchmark: what is handed over.
        renderer: of its dataset.
        folder: to be made.
        crf: quality from 0 to 51, as `videossr.video.encode_mp4`.
        max_new_tokens: most tokens of an answer.
        workers: threads that render.
        progress: called with questions done and questions in all.

    Raises:
        ConfigError: something is there already.
        DatasetError, VideoError: a question cannot be rendered.
    """
    if folder.exists():
        right = "choose another folder, or remove this one"
        raise ConfigError(Mistake(str(folder), "exists already", right))
    recipes = benchmark.dataset.recipes
    documents: dict[str, list[dict[str, Any]]] = {name: [] for name in benchmark.subtasks}
    with making(folder) as partial:
        (partial / "videos").mkdir()
        with one_torch_thread(), ThreadPoolExecutor(workers) as pool:
            try:
                made = pool.map(lambda one: _document(one, renderer, partial, crf), recipes)
                for done, (recipe, document) in enumerate(zip(recipes, made, strict=True), start=1):
                    documents[recipe.task].append(document)
                    if progress:
                        progress(done, len(recipes))
            finally:
                pool.shutdown(cancel_futures=True)
        names = [f"{GROUP}_{_short(subtask)}" for subtask in documents]
        for name, (subtask, rows) in zip(names, documents.items(), strict=True):
            text = "".join(json.dumps(row) + "\n" for row in rows)
            questions = f"{_short(subtask)}.jsonl"
            (partial / questions).write_text(text, encoding="utf-8")
            # lmms-eval reads data from where it was started, so that the path has to be a whole one.
            data = folder.resolve() / questions
            _write_yaml(partial / f"{name}.yaml", _task(name, data, max_new_tokens))
        _write_yaml(partial / f"{GROUP}.yaml", _group(names))
        own = resources.files("videossr_trainers.bench.lmms_eval")
        text = own.joinpath("task_folder.py.txt").read_text("utf-8")
        (partial / "utils.py").write_text(text, encoding="utf-8")
        config = rewards_config(benchmark.dataset, digest=benchmark.digest)
        (partial / CONFIG).write_text(config, encoding="utf-8")
        files = list((partial / "videos").iterdir())
        return Exports(
            tuple(names), len(recipes), len(files), sum(file.stat().st_size for file in files)
        )


def _document(recipe: Recipe, renderer: Renderer, folder: Path, crf: int) -> dict[str, Any]:
    """A question as lmms-eval reads it; its videos are written."""
    sample = renderer.render(recipe)
    videos = []
    for number, clip in enumerate(sample.clips):
        name = f"videos/{_short(recipe.task)}_{recipe.index}_{number}.mp4"
        encode_mp4(clip.frames, clip.times, folder / name, crf=crf)
        videos.append(name)
    parts: list[str | None] = []
    clips = iter(sample.clips)
    for message in sample.prompt:
        for part in message["content"]:
            if part["type"] == "text":
                parts.append(part["text"])
                continue
            clip = next(clips)
            parts += [None, *late(clip)]
    return {
        "id": key_of(recipe),
        "subtask": recipe.task,
        "parts": parts,
        "videos": videos,
        "times": [clip.times.tolist() for clip in sample.clips],
        "answer": sample.answer,
        "target": json.dumps(dict(sample.target)),
        "source": recipe.video,
    }


def _short(subtask: str) -> str:
    """A subtask's name as part of a file's: as it is, or so much of it as fits, and a hash of all of it."""
    if len(subtask) <= _NAME:
        return subtask
    return f"{subtask[: _NAME - 1 - _HASH]}_{xxhash.xxh3_64_hexdigest(subtask.encode())[:_HASH]}"


def _task(name: str, data: Path, max_new_tokens: int) -> dict[str, Any]:
    return {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_visual": _Call("utils.doc_to_visual"),
        "doc_to_text": _Call("utils.doc_to_text"),
        "doc_to_messages": _Call("utils.doc_to_messages"),
        "doc_to_target": "answer",
        "process_results": _Call("utils.process_results"),
        "generation_kwargs": {
            "max_new_tokens": max_new_tokens,
            "temperature": 0,
            "do_sample": False,
        },
        "metric_list": [
            {"metric": "score", "aggregation": "mean", "higher_is_better": True},
            {"metric": "unreadable", "aggregation": "mean", "higher_is_better": False},
        ],
        "metadata": {"version": 1.0},
    }


def _group(names: list[str]) -> dict[str, Any]:
    return {
        "group": GROUP,
        "task": names,
        "aggregate_metric_list": [
            {"metric": metric, "aggregation": "mean", "weight_by_size": False}
            for metric in ("score", "unreadable")
        ],
        "metadata": {"version": 1.0},
    }


class _Call(str):
    """A function in `utils.py`, which YAML names by a tag."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes such names."""


_Dumper.add_representer(
    _Call, lambda dumper, name: dumper.represent_scalar("!function", str(name), style="")
)


def _write_yaml(path: Path, tree: Mapping[str, Any]) -> None:
    path.write_text(yaml.dump(dict(tree), Dumper=_Dumper, sort_keys=False), encoding="utf-8")
