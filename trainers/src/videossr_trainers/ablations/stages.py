"""The stages of a run: which command each is, what it depends on, and where its outcome lies.

What several runs have in common is made once: a training set, a held-out benchmark, a model after its warm
start and that model's exam lie under a hash of all that they depend on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import xxhash

from videossr.dataset import FORMAT
from videossr.errors import ConfigError, Mistake
from videossr_trainers.ablations.section import AblationSection
from videossr_trainers.ablations.variants import told
from videossr_trainers.models.identity import TINY, content_of
from videossr_trainers.models.names import missing_folder
from videossr_trainers.sections import GrpoSection, ModelSection, WarmStartSection
from videossr_trainers.training.provenance import FREE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videossr.config import RunConfig
    from videossr_trainers.ablations.variants import Variant
    from videossr_trainers.ablations.videos import Videos

#: Sections that questions depend on, or that say where things are.
_OF_QUESTIONS: Final = ("seed", "requires", "plugins", "video", "store", "build")

#: Most tokens of an answer in the exam; none of a right answer comes near.
_LONGEST_ANSWER: Final = 64

#: Fewest questions that are answered together in the exam.
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Stage:
    """A command of ours that is run in a process of its own.

    Attributes:
        name: in words.
        words: after `videossr`; `CONFIG` stands for the file of `tree`.
        notes: where its log, its configuration and what became of it are kept, but for the suffix.
        place: what it makes.
        tree: the configuration that it is given, if it takes one.
        in_parallel: whether it is started by the launcher, in several processes perhaps.
        at_once: whether its outcome appears whole, or not at all.
    """

    name: str
    words: tuple[str, ...]
    notes: Path
    place: Path
    tree: Mapping[str, Any] | None = None
    in_parallel: bool = False
    at_once: bool = False


#: In a stage's words the place of its configuration.
CONFIG: Final = "{config}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages of one run, and where the report finds their outcomes.

    Attributes:
        stages: in order.
        train_set, benchmark: folders.
        before, after: the exams' folders.
        training: the run's.
        exam: the configuration of the held-out questions.
        starts_here: whether there is a warm start.
        learnt_from: all questions that the model learns from here, each a folder.
        begins_with: the model that is named, which may have learnt from others before.
    """

    stages: tuple[Stage, ...]
    train_set: Path
    benchmark: Path
    before: Path
    after: Path
    training: Path
    exam: Mapping[str, Any]
    starts_here: bool
    learnt_from: tuple[Path, ...]
    begins_with: str

    @property
    def grpo(self) -> Stage:
        """The one of the stages that trains by reward."""
        return next(stage for stage in self.stages if stage.place.parent == self.training)


def plan(
    variant: Variant, seed: int, videos: Videos, output: Path, launcher: Sequence[str] = ()
) -> Plan:
    """All stages of a run.

    Args:
        variant: what is run.
        seed: in the place of the configuration's. The exam keeps that of the scale, so that all runs
            answer the same questions.
        videos: those of both sides of the split.
        output: the folder of all runs.
        launcher: words that start Python, for the stages that compute.

    Raises:
        ConfigError: there is no folder of the model that the runs begin with.
    """
    config, root = variant.config, variant.root
    asked = _questions(config, part="train") | {"seed": seed}
    size = root.section(AblationSection).questions
    exam = _questions(root, part="held_out", check=True, size=size)
    exam.pop("modifiers", None)
    if modifiers := _of_the_exam(root):
        exam["modifiers"] = modifiers  # those of the reward too: it is given by it
    train_set = _dataset("training set", ("build",), config, asked, videos, output)
    held_out = _dataset("held-out questions", ("bench", "build"), root, exam, videos, output)
    tree = told(config) | {"seed": seed}
    first, first_set = config, train_set
    if variant.start:
        first = variant.start
        questions = _questions(first, part="train") | {"seed": seed}
        first_set = _dataset(
            "questions to start with", ("build",), first, questions, videos, output
        )
    start = _warm_start(first, first_set, seed, videos, output, launcher)
    model = config.section(ModelSection)
    revision: tuple[str, ...] = ()
    if start:
        name, key = str(start.place.absolute()), start.notes.name
        tree["model"] = tree["model"] | {"name": name, "revision": None}
        tree["warm_start"] = tree["warm_start"] | {"steps": 0}
    else:
        name, key = model.name, _hash(_by_content(config))
        revision = ("--revision", model.revision) if model.revision else ()

    folder = run_folder(output, variant.name, seed)
    training = Stage(
        "training",
        _train(train_set.place, videos, folder / "train"),
        folder / "logs" / "training",
        folder / "train" / "model",
        tree,
        in_parallel=True,
    )
    # As the questions are: whoever trains with shorter answers is asked like the others.
    answered, longest = _answered(root.section(GrpoSection))
    before = output / "exams" / f"{key}-{held_out.place.name}-{longest}"
    after = folder / "exam"
    exams = [
        Stage(
            f"exam {when}",
            (
                *_ask(held_out.place, videos, root.store.folder),
                *answered,
                "--model",
                *examined,
                "-o",
                str(place),
            ),
            notes,
            place,
            in_parallel=True,
        )
        for when, examined, notes, place in (
            ("before", (name, *revision), before, before),
            ("after", (str(training.place),), folder / "logs" / "exam", after),
        )
    ]
    learnt = [train_set] if first_set is train_set else [train_set, first_set]
    stages = [*learnt, held_out, *([start] if start else []), exams[0], training, exams[1]]
    return Plan(
        tuple(stages),
        train_set.place,
        held_out.place,
        before,
        after,
        training.place.parent,
        exam,
        bool(start),
        tuple(stage.place for stage in learnt),
        first.section(ModelSection).name,
    )


def begun_with(start: RunConfig | None) -> dict[str, Any] | None:
    """All that the model which runs begin with depends on, but the seed; None where `start` is."""
    if start is None:
        return None
    tree, questions = told(start), _questions(start, part="train")
    return {
        "questions": {name: part for name, part in questions.items() if name != "seed"},
        "model": noted_model(start),
        "warm_start": {name: value for name, value in tree["warm_start"].items() if _matters(name)},
    }


def noted_model(config: RunConfig) -> dict[str, Any]:
    """What a configuration says of the model, with the content that it has now, if that can be known."""
    model = config.section(ModelSection)
    content = content_of(model.name, model.revision)
    said: dict[str, Any] = config.tree()["model"]
    return said | {"content": content} if content else said


def _by_content(config: RunConfig) -> dict[str, Any]:
    """Name and revision of a configuration's model, its content in the place of both if that can be known.

    Raises:
        ConfigError: it is to be in a folder, and there is none.
    """
    model = config.section(ModelSection)
    if problem := missing_folder(model.name):
        right = "bring it back, or name where it is now"
        raise ConfigError(Mistake("model.name", f"{model.name!r}: {problem}", right))
    content = content_of(model.name, model.revision)
    if content:
        return {"name": content, "revision": None}
    return {"name": model.name, "revision": model.revision}


def _of_the_exam(root: RunConfig) -> dict[str, Any]:
    """The modifiers under which all runs of a scale are asked.

    Raises:
        ConfigError: one is to be left out that is not there.
    """
    found = dict(root.tree().get("modifiers", {})) if root.modifiers else {}
    without = root.section(AblationSection).exam_without
    unknown = [name for name in without if name not in {*found, *root.switched_off}]
    if unknown:
        right = f"there are {', '.join(found)}" if found else "there are none"
        problem = f"{unknown[0]!r} is no modifier of the scale"
        raise ConfigError(Mistake("ablation.exam_without", problem, right))
    return {name: entry for name, entry in found.items() if name not in without}


def _dataset(
    name: str,
    command: tuple[str, ...],
    config: RunConfig,
    asked: Mapping[str, Any],
    videos: Videos,
    output: Path,
) -> Stage:
    """The questions of a configuration about videos of some content."""
    key = _hash([FORMAT, _without_places(asked), _provenance(config, asked), videos.content])
    place = output / ("benchmarks" if "bench" in command else "datasets") / key
    words = (*command, CONFIG, "--videos", str(videos.table), "-o", str(place))
    return Stage(name, words, place, place, asked, at_once=True)


def _warm_start(
    config: RunConfig,
    train_set: Stage,
    seed: int,
    videos: Videos,
    output: Path,
    launcher: Sequence[str],
) -> Stage | None:
    """What makes the model that GRPO starts from; None where it starts from the one that is named."""
    if not config.section(WarmStartSection).steps and config.section(ModelSection).name != TINY:
        return None
    tree = told(config) | {"seed": seed}
    parts = {name: tree[name] for name in ("model", "warm_start")}
    # No more than the model depends on: of the section `grpo` nothing, but on the launcher, since a step
    # takes so many questions in each process.
    warm = {name: value for name, value in tree["warm_start"].items() if _matters(name)}
    model = tree["model"] | _by_content(config)
    made_of = [train_set.place.name, model, warm, _launched(launcher)]
    begun = output / "starts" / _hash(made_of)
    return Stage(
        "warm start",
        _train(train_set.place, videos, begun),
        begun,
        begun / "model",
        {**(train_set.tree or {}), **parts, "grpo": {**tree["grpo"], "max_steps": 0}},
        in_parallel=True,
    )


def _matters(setting: str) -> bool:
    return f"warm_start.{setting}" not in FREE


def _launched(launcher: Sequence[str]) -> list[str]:
    """What starts the processes, with what is in the files that it is given."""
    return [
        Path(word).read_text(encoding="utf-8")
        if word.endswith((".yaml", ".yml", ".json")) and Path(word).is_file()
        else word
        for word in launcher
    ]


def _train(train_set: Path, videos: Videos, run: Path) -> tuple[str, ...]:
    words = ("train", CONFIG, "--dataset", str(train_set), "--root", str(videos.root))
    return (*words, "-o", str(run), "--resume")


def _ask(benchmark: Path, videos: Videos, store: str | None) -> tuple[str, ...]:
    words = ("bench", "run", str(benchmark), "--root", str(videos.root))
    return (*words, "--store", store) if store else words


def _answered(grpo: GrpoSection) -> tuple[tuple[str, ...], int]:
    """How an exam is answered, as options, and the most tokens of an answer."""
    longest = min(_LONGEST_ANSWER, grpo.max_completion_length)
    at_once = max(_AT_ONCE, grpo.questions_per_device)
    return ("--max-new-tokens", str(longest), "--batch-size", str(at_once)), longest


def run_folder(output: Path, name: str, seed: int) -> Path:
    """Where a run's own things lie."""
    return output / "runs" / name / f"seed-{seed}"


def _questions(config: RunConfig, **build: object) -> dict[str, Any]:
    """A configuration of questions alone.

    Modifiers that touch nothing but rewards are left out, so that a run with a stricter one has the same
    questions and starts from the same model: the reward that is trained on is told by the training.
    """
    tree = config.tree()
    asked = {name: tree[name] for name in _OF_QUESTIONS}
    asked["build"] = {**tree["build"], **build}
    asked["tasks"] = tree["tasks"]
    touching = {
        name: tree["modifiers"][name] for name in config.modifiers if name not in config.of_rewards
    }
    return {**asked, "modifiers": touching} if touching else asked


def _provenance(config: RunConfig, asked: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Of the plugins that questions depend on."""
    aside = config.modifiers.keys() - asked.get("modifiers", {}).keys()
    return {name: facts for name, facts in config.provenance.items() if name not in aside}


def _without_places(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says where things are, and not what they are."""
    return {name: part for name, part in tree.items() if name not in {"plugins", "store"}}


def _hash(parts: object) -> str:
    return xxhash.xxh3_64_hexdigest(json.dumps(parts, sort_keys=True).encode())
