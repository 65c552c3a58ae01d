"""The stages of a run: which command each is, what it depends on, and where its outcome lies.

What several runs have in common is made once: a training set, a held-out benchmark, a model after its warm
start and that model's exam lie under a hash of all that they depend on.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import xxhash

from videossr.dataset import FORMAT
from videossr.vetting import specified
from videossr_trainers.ablations.section import AblationSection
from videossr_trainers.ablations.variants import told
from videossr_trainers.sections import GrpoSection, ModelSection, WarmStartSection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.video_table import VideoRow
    from videossr_trainers.ablations.variants import Variant

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
    """

    stages: tuple[Stage, ...]
    train_set: Path
    benchmark: Path
    before: Path
    after: Path
    training: Path


def plan(variant: Variant, seed: int, rows: Iterable[VideoRow], videos: Path, output: Path) -> Plan:
    """All stages of a run.

    Args:
        variant: what is run.
        seed: in the place of the configuration's. The exam keeps that of the scale, so that all runs
            answer the same questions.
        rows: of the video table.
        videos: the table.
        output: the folder of all runs.
    """
    content = _hash([asdict(row) for row in rows if row.state == "ok"])
    config, root = variant.config, variant.root
    grpo, model = config.section(GrpoSection), config.section(ModelSection)

    asked = _questions(config, part="train") | {"seed": seed}
    set_key = _hash([FORMAT, _without_places(asked), _provenance(config, asked), content])
    train_set = output / "datasets" / set_key
    stages = [
        Stage(
            "training set",
            ("build", CONFIG, "--videos", str(videos), "-o", str(train_set)),
            train_set,
            train_set,
            asked,
            at_once=True,
        )
    ]

    exam = _questions(root, part="held_out", check=True)
    exam["build"] |= {"size": root.section(AblationSection).questions}
    exam_key = _hash([FORMAT, _without_places(exam), _provenance(root, exam), content])
    benchmark = output / "benchmarks" / exam_key
    stages += [
        Stage(
            "held-out questions",
            ("bench", "build", CONFIG, "--videos", str(videos), "-o", str(benchmark)),
            benchmark,
            benchmark,
            exam,
            at_once=True,
        ),
    ]

    tree = told(config) | {"seed": seed}
    start, start_key = model.name, _hash([model.name, model.revision])
    if config.section(WarmStartSection).steps or model.name == "tiny":
        parts = {name: tree[name] for name in ("model", "warm_start")}
        workers = grpo.loader_workers
        start_key = _hash([set_key, parts, workers])
        begun = output / "starts" / start_key
        stages.append(
            Stage(
                "warm start",
                ("train", CONFIG, "--dataset", str(train_set), "-o", str(begun), "--resume"),
                begun,
                begun / "model",
                {**asked, **parts, "grpo": {"max_steps": 0, "loader_workers": workers}},
                in_parallel=True,
            )
        )
        start = str((begun / "model").absolute())
        tree["model"] = tree["model"] | {"name": start, "revision": None}
        tree["warm_start"] = tree["warm_start"] | {"steps": 0}

    folder = run_folder(output, variant.name, seed)
    training = folder / "train"
    before = output / "exams" / f"{start_key}-{exam_key}"
    after, logs = folder / "exam", folder / "logs"
    asking = (
        "--max-new-tokens",
        str(min(_LONGEST_ANSWER, grpo.max_completion_length)),
        "--batch-size",
        str(max(_AT_ONCE, grpo.questions_per_device)),
    )
    revision = ("--revision", model.revision) if model.revision and start == model.name else ()
    train = ("train", CONFIG, "--dataset", str(train_set), "-o", str(training), "--resume")
    trained = str(training / "model")
    run = ("bench", "run", str(benchmark))
    stages += [
        Stage(
            "exam before",
            (*run, "--model", start, *revision, "-o", str(before), *asking),
            before,
            before,
            in_parallel=True,
        ),
        Stage("training", train, logs / "training", training / "model", tree, in_parallel=True),
        Stage(
            "exam after",
            (*run, "--model", trained, "-o", str(after), *asking),
            logs / "exam",
            after,
            in_parallel=True,
        ),
    ]
    return Plan(tuple(stages), train_set, benchmark, before, after, training)


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
        name: tree["modifiers"][name]
        for name, modifier in config.modifiers.items()
        if any(hasattr(modifier.wrappers, hook) for hook in specified().keys() - {"reward"})
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
