"""Benchmarks put to models that are made up: what is asked, kept, scored, reported and handed over."""

from __future__ import annotations

import csv
import html
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING

import pytest
import torch

from videossr import ConfigError, DatasetError, PluginError
from videossr.benchmark import Benchmark
from videossr.benchmark.exported import Exported
from videossr.cli import main
from videossr.config import load_config
from videossr.dataset import Dataset
from videossr.errors import Mistake
from videossr.procedural import write_videos
from videossr.render import Renderer
from videossr.video import read_timeline
from videossr_trainers.answering import Answer, Asked, Decoding
from videossr_trainers.answering.cache import AnswerCache
from videossr_trainers.answering.cached import Cached
from videossr_trainers.answering.cost import Prices
from videossr_trainers.bench.asking import Here, Questions
from videossr_trainers.bench.conditions import CONDITIONS, conditions_of, strangers
from videossr_trainers.bench.folder import Finished, RunFolder, read_run
from videossr_trainers.bench.lmms_eval import export_lmms_eval
from videossr_trainers.bench.otherwise import otherwise
from videossr_trainers.bench.report import write_bench_report
from videossr_trainers.bench.report.failures import failures
from videossr_trainers.bench.report.names import shortened
from videossr_trainers.bench.report.tables import run_tables
from videossr_trainers.bench.running import run_benchmark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from videossr.dataset import Recipe
    from videossr.sample import Sample
    from videossr_trainers.bench.conditions import Condition

REAL_VIDEOS = Path(
    os.environ.get("VIDEOSSR_TEST_VIDEOS")
    or Path(__file__).resolve().parents[3] / "shared" / "videos"
)

#: An interpreter that has lmms-eval, videossr-core and the plugins; lmms-eval wants an older PyAV than
#: this project's own environment has.
LMMS_PYTHON = os.environ.get("VIDEOSSR_TEST_LMMS_PYTHON", sys.executable)

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


@dataclass
class Model:
    """A model that says what a function makes of what it is asked; it notes what that was.

    Attributes:
        says: the answer to a question, or how it fails.
        name: its identity.
        after: it is interrupted after so many answers.
    """

    says: Callable[[Asked], str | Answer]
    name: str = "made up"
    after: int | None = None
    asked: dict[str, Asked] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Its name."""
        return json.dumps({"name": self.name})

    def answer(
        self, questions: Iterable[Asked], decoding: Decoding
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        """One answer each, two at a time in reverse, as from a server that is in no order."""
        assert (0.0, 1) == (decoding.temperature, decoding.answers)
        waiting: list[Asked] = []
        for asked in questions:
            assert asked.key not in self.asked
            self.asked[asked.key] = asked
            waiting.append(asked)
            if len(waiting) == 2:
                yield from map(self._said, reversed(waiting))
                waiting = []
        yield from map(self._said, waiting)

    def _said(self, asked: Asked) -> tuple[Asked, tuple[Answer, ...]]:
        if self.after is not None:
            self.after -= 1
            if self.after < 0:
                raise KeyboardInterrupt
        said = self.says(asked)
        return asked, (said if isinstance(said, Answer) else Answer(said, 100, 5),)


def truth(asked: Asked) -> str:
    """What a model says that knows all."""
    return asked.sample.answer


def call(*words: object) -> int:
    """Run a command in this process."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return int(stop.value.code or 0)


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve videos drawn by code."""
    folder = tmp_path_factory.mktemp("bench_videos") / "drawn"
    write_videos(folder, 12, seed=2, seconds=6, fps=8, height=64, width=64)
    return folder


@pytest.fixture(scope="session")
def bench(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of sixty small questions in three subtasks, built by the command."""
    folder = tmp_path_factory.mktemp("bench") / "bench"
    assert 0 == call(
        "bench", "build", "tiny", "--videos", videos, "-o", folder, "build.size=60", "-q"
    )
    return folder


@dataclass
class Setting:
    """A benchmark, and runs of it that differ in what a test asks for."""

    folder: Path
    benchmark: Benchmark
    renderer: Renderer

    def run(self, answerer: Model | Cached | None, output: Path, **settings: object) -> Finished:
        """Put the benchmark to a model."""
        name = answerer.name if isinstance(answerer, Model) else ""
        conditions = settings.pop("conditions", CONDITIONS if answerer else ())
        recipes = self.benchmark.dataset.recipes
        questions = Questions(recipes, self.renderer, conditions)
        decoding = settings.pop("decoding", Decoding())
        asker = Here(questions, answerer, decoding, workers=2)
        arguments = {"model": name, **settings}
        return run_benchmark(self.benchmark, self.folder, asker, output, **arguments)


@pytest.fixture(scope="session")
def setting(bench: Path) -> Setting:
    """The benchmark, loaded."""
    benchmark = Benchmark.load(bench)
    return Setting(bench, benchmark, Renderer.for_dataset(benchmark.dataset))


@pytest.fixture(scope="session")
def knows(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Model]:
    """The run of a model that knows all, and the model."""
    model = Model(truth, name="knows")
    folder = tmp_path_factory.mktemp("knows") / "run"
    return setting.run(model, folder, prices=Prices(2.0, 10.0)), model


def scores(run: Finished) -> dict[str, dict[str, dict[str, float]]]:
    """The raw scores by condition or baseline and subtask, as `scores.json` has them."""
    tree = json.loads((run.folder / "scores.json").read_text())
    return {
        which: {name: one["raw"] for name, one in found["subtasks"].items()}
        | {"mean": found["mean"]["raw"]}
        for which, found in tree.items()
    }


def assert_constant_is_floor(run: Finished) -> None:
    """The mean within its interval of 95 %, and the subtasks within theirs for all of them at once.

    That is Bonferroni's: n intervals at 1 - 0.05 / n hold the truth all together in 95 % of the cases. Of
    nine plain ones, one or more would miss in up to 37 %. Ends are moved out from the middle as those of
    a normal distribution would be, 1.41 times as far for nine.
    """
    tree = json.loads((run.folder / "scores.json").read_text())["constant"]
    normal = NormalDist()
    share = 0.025 / len(tree["subtasks"])
    wider = normal.inv_cdf(1 - share) / normal.inv_cdf(1 - 0.025)
    judged = [(name, one, wider) for name, one in tree["subtasks"].items()]
    for name, one, times in [*judged, ("mean", tree["mean"], 1.0)]:
        centre, low, high = (one["raw"][end] for end in ("mean", "low", "high"))
        assert times * (low - centre) <= one["floor"] - centre <= times * (high - centre), name


def test_who_knows_all_scores_100_and_so_does_the_oracle(
    knows: tuple[Finished, Model], setting: Setting
) -> None:
    """On every subtask, with an interval of no width, whatever the model is shown."""
    found = scores(knows[0])
    assert {*setting.benchmark.subtasks, "mean"} == {*found["oracle"]}
    for which in ("sighted", "blind", "wrong_video", "oracle"):
        for raw in found[which].values():
            assert raw == raw | {"mean": 100, "low": 100, "high": 100}


def test_the_constant_earns_the_floor(knows: tuple[Finished, Model]) -> None:
    """It is chosen on noise, so the videos can give it nothing but what any video gives."""
    run, _ = knows
    assert_constant_is_floor(run)
    found = scores(run)
    assert found["random"]["mean"]["mean"] < found["constant"]["mean"]["mean"] < 60


def test_blind_is_grey_and_the_wrong_video_is_another_one(
    knows: tuple[Finished, Model], setting: Setting
) -> None:
    """Prompt, times and answer stay; of the pixels nothing does."""
    _, model = knows
    recipes = setting.benchmark.dataset.recipes
    lenders = strangers(recipes)
    assert 3 * len(recipes) == len(model.asked)
    for number, recipe in enumerate(recipes):
        key = f"{recipe.task}/{recipe.index}"
        sighted, blind, wrong = (
            model.asked[f"{condition}/{key}"].sample
            for condition in ("sighted", "blind", "wrong_video")
        )
        assert (sighted.prompt, sighted.answer) == (blind.prompt, blind.answer)
        assert (sighted.prompt, sighted.answer) == (wrong.prompt, wrong.answer)
        lender = recipes[lenders[number]]
        assert lender.task == recipe.task
        assert lender.video_hash != recipe.video_hash
        assert lender.answer != recipe.answer
        lent = model.asked[f"sighted/{lender.task}/{lender.index}"].sample
        for own, grey, other, theirs in zip(
            sighted.clips, blind.clips, wrong.clips, lent.clips, strict=True
        ):
            assert bool((grey.frames == 128).all())
            assert torch.equal(own.times, grey.times)
            assert torch.equal(own.times, other.times)
            if own.frames.shape == theirs.frames.shape:
                assert torch.equal(other.frames, theirs.frames)


def test_tokens_and_cost_are_those_of_all_answers(knows: tuple[Finished, Model]) -> None:
    """180 answers of 100 and 5 tokens at 2 and 10 a million: 0.036 + 0.009."""
    facts = knows[0].facts
    spent, session = facts["answers"], facts["session"]
    assert (180, 18_000, 900, 0) == (
        spent["answers"],
        spent["prompt_tokens"],
        spent["completion_tokens"],
        spent["uncounted"],
    )
    assert spent == session["asked"]
    assert session["cost"] == pytest.approx(0.045)
    assert session["rates"]["prompt_tokens"] == pytest.approx(18_000 / session["seconds"])
    assert (60, 0) == (facts["as_built"], facts["unrendered"])


def test_answers_without_the_form_of_one_are_counted_by_condition(
    setting: Setting, tmp_path: Path
) -> None:
    """Where most are, a score says nothing of what a model sees, so that is told at once."""

    def says(asked: Asked) -> Answer:
        return Answer(truth(asked) if asked.key.startswith("sighted/") else "no idea")

    finished = setting.run(Model(says), tmp_path / "run")
    told = finished.told["without the form of an answer, worth 0"]
    assert told == "blind 60 of 60, wrong_video 60 of 60"
    right = setting.run(Model(lambda asked: Answer(truth(asked))), tmp_path / "right")
    assert not any("form" in label for label in right.told)


def test_what_the_cache_knew_is_neither_fast_nor_paid(setting: Setting, tmp_path: Path) -> None:
    """Rate, tokens and cost are those of what was asked; what the limit cut off is told."""

    def says(asked: Asked) -> Answer:
        return Answer(truth(asked), 100, 5, truncated=asked.key.endswith("/1"))

    def run(name: str, *conditions: Condition) -> tuple[Finished, int]:
        model = Model(says, name="m")
        answerer = Cached(model, AnswerCache(tmp_path / "cache.jsonl"))
        finished = setting.run(
            answerer, tmp_path / name, conditions=conditions, model="m", prices=Prices(2.0, 10.0)
        )
        return finished, len(model.asked)

    run("first", "sighted")
    again, asked = run("again", "sighted", "wrong_video")
    assert 0 < asked <= 60
    session = again.facts["session"]
    assert (asked, 120 - asked) == (session["questions"], session["known"]["answers"])
    assert (asked, 100 * asked, 5 * asked) == (
        session["asked"]["answers"],
        session["asked"]["prompt_tokens"],
        session["asked"]["completion_tokens"],
    )
    assert session["cost"] == pytest.approx(asked * 250e-6)
    assert session["rates"]["questions"] == pytest.approx(asked / session["seconds"])
    told = again.told
    assert told["answers in all"].startswith("120 answers, 12,000 + 600 tokens, ")
    cut = sum(given.truncated for given in again.answers.values())
    assert cut >= 6
    assert f"{cut} cut off by --max-new-tokens" in told["answers in all"]
    assert f"{120 - asked} more answers were in the cache" in told["asked in the last session"]
    assert f"cost {asked * 250e-6:.4f}" in told["asked in the last session"]
    idle = run("idle", "sighted")[0].told["asked in the last session"]
    assert idle == "nothing; 60 answers were in the cache"


def test_without_a_model_the_baselines_are_there(setting: Setting, tmp_path: Path) -> None:
    """They need none, and are the same as beside a model."""
    code = call("bench", "run", setting.folder, "-o", tmp_path / "run", "-q")
    assert 0 == code
    found = scores(Finished.load(tmp_path / "run"))
    assert {"oracle", "constant", "random"} == {*found}
    assert 100 == found["oracle"]["mean"]["mean"]


# Nothing is lost, nothing asked twice


def test_an_interrupted_run_goes_on_where_it_stopped(
    knows: tuple[Finished, Model], setting: Setting, tmp_path: Path
) -> None:
    """What was answered is not asked again, and the files are those of a run that was not interrupted."""
    first = Model(truth, name="knows", after=101)
    with pytest.raises(KeyboardInterrupt):
        setting.run(first, tmp_path / "run")
    with pytest.raises(DatasetError, match="the run is not done"):
        Finished.load(tmp_path / "run")
    second = Model(truth, name="knows")
    run = setting.run(second, tmp_path / "run")
    assert 180 - 101 == len(second.asked)
    for name in ("questions.jsonl", "answers.jsonl", "baselines.jsonl", "scores.json"):
        assert (knows[0].folder / name).read_bytes() == (run.folder / name).read_bytes()


def test_a_failure_is_counted_and_asked_again(setting: Setting, tmp_path: Path) -> None:
    """It is no wrong answer: the score is without it, beside the one with it as 0; then it is mended."""

    def says(asked: Asked) -> str | Answer:
        return Answer("", failure="HTTP 500") if asked.key.endswith("/3") else truth(asked)

    run = setting.run(Model(says, name="m"), tmp_path / "run", conditions=("sighted",))
    tree = json.loads((run.folder / "scores.json").read_text())["sighted"]
    assert 3 == tree["mean"]["failed"]
    assert 100 == tree["mean"]["raw"]["mean"]
    shares = [1 - 1 / count for count in setting.benchmark.subtasks.values()]
    assert 100 * sum(shares) / len(shares) == pytest.approx(tree["mean"]["with_failures"]["mean"])
    assert {"sighted": {"HTTP 500": 3}} == run.facts["failures"]
    again = Model(truth, name="m")
    mended = setting.run(again, tmp_path / "run", conditions=("sighted",))
    assert {"3"} == {key.rpartition("/")[2] for key in again.asked}
    assert {} == mended.facts["failures"]


def test_a_condition_may_be_added_later(setting: Setting, tmp_path: Path) -> None:
    """What is there stays, and only the new one is asked."""
    model = Model(truth, name="m")
    setting.run(model, tmp_path / "run", conditions=("sighted",))
    more = Model(truth, name="m")
    run = setting.run(more, tmp_path / "run", conditions=("sighted", "blind"))
    assert {"blind"} == {key.partition("/")[0] for key in more.asked}
    assert ["sighted", "blind"] == run.facts["conditions"]


def test_a_condition_that_was_left_is_in_no_figure(setting: Setting, tmp_path: Path) -> None:
    """What was never asked has not failed, nor is a part of the questions worth a score; all of it is kept."""
    first = Model(truth, name="m", after=90)
    with pytest.raises(KeyboardInterrupt):
        setting.run(first, tmp_path / "run", conditions=("sighted", "wrong_video"))
    run = setting.run(Model(truth, name="m"), tmp_path / "run", conditions=("sighted",))
    assert (["sighted"], {}) == (run.facts["conditions"], run.facts["failures"])
    assert {"sighted", "oracle", "constant", "random"} == {*scores(run)}
    assert {"sighted"} == {condition for condition, _ in run.answers}
    (told,) = (words for label, words in run.told.items() if "left" in label)
    left = run.facts["left"]["wrong_video"]
    assert f"wrong_video after {left} of 60 questions" == told
    last = Model(truth, name="m")
    whole = setting.run(last, tmp_path / "run", conditions=("wrong_video",))
    assert 60 - left == len(last.asked)
    assert ["sighted", "wrong_video"] == whole.facts["conditions"]
    assert not whole.facts["left"]


def test_a_run_that_is_done_stays_so_until_there_is_more(setting: Setting, tmp_path: Path) -> None:
    """A start that comes to nothing takes nothing away."""
    both = ("sighted", "blind")
    setting.run(Model(truth, name="m"), tmp_path / "run", conditions=("sighted",))
    with pytest.raises(KeyboardInterrupt):
        setting.run(Model(truth, name="m", after=0), tmp_path / "run", conditions=both)
    assert "done" == read_run(tmp_path / "run")["state"]
    with pytest.raises(KeyboardInterrupt):
        setting.run(Model(truth, name="m", after=1), tmp_path / "run", conditions=both)
    assert "running" == read_run(tmp_path / "run")["state"]


def test_what_failed_stays_failed_until_it_is_asked_again(setting: Setting, tmp_path: Path) -> None:
    """A run of other conditions keeps the reason, and the condition its score."""

    def says(asked: Asked) -> Answer:
        return Answer("", failure="HTTP 500") if asked.key.endswith("/3") else Answer(truth(asked))

    setting.run(Model(says, name="m"), tmp_path / "run", conditions=("blind",))
    run = setting.run(Model(truth, name="m"), tmp_path / "run", conditions=("sighted",))
    assert {"blind": {"HTTP 500": 3}} == run.facts["failures"]
    assert ["sighted", "blind"] == run.facts["conditions"]


def test_answers_of_another_model_are_not_mixed_in(
    knows: tuple[Finished, Model], setting: Setting, tmp_path: Path
) -> None:
    """Neither those of other decoding; nor is a folder taken that holds something else."""
    folder = knows[0].folder
    with pytest.raises(ConfigError, match=f"the model's name: knows in {folder}, other here"):
        setting.run(Model(truth, name="other"), folder)
    with pytest.raises(ConfigError) as error:
        setting.run(Model(truth, name="knows"), folder, decoding=Decoding(8))
    assert str(error.value).splitlines() == [
        f"--max-new-tokens: 64 in {folder}, 8 here",
        f"{folder} holds another run: give another folder by -o, or ask as it was asked before",
    ]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ConfigError, match="exists, and is no run"):
        setting.run(Model(truth), tmp_path / "mine")


def test_a_run_that_got_no_answer_is_in_nobodys_way(setting: Setting, tmp_path: Path) -> None:
    """Such as one with a mistyped address, however many questions it rendered; one answer, and it stays."""

    def unreachable(_: Asked) -> str:
        raise ConfigError(Mistake("--endpoint", "the connection failed"))

    asks = partial(setting.run, output=tmp_path / "run", conditions=("blind",))
    with pytest.raises(ConfigError, match="the connection failed"):
        asks(Model(unreachable, name="wrong port"))
    assert "running" == read_run(tmp_path / "run")["state"]
    with pytest.raises(KeyboardInterrupt):
        asks(Model(truth, name="right port", after=1))
    assert {"name": "right port"} == read_run(tmp_path / "run")["model"]
    with pytest.raises(ConfigError, match="holds another run"):
        asks(Model(truth, name="wrong port"))


_SERVED = {"kind": "endpoint", "url": "http://a/v1", "model": "m", "frames": "png"}


@pytest.mark.parametrize(
    ("theirs", "ours", "told"),
    [
        ({"model": None}, {"model": {"model": "1f"}}, "--model: none in runs/a, m here"),
        (
            {"model": _SERVED},
            {"model": {**_SERVED, "url": "http://b/v1"}},
            "--endpoint: http://a/v1 in runs/a, http://b/v1 here",
        ),
        (
            {"model": _SERVED},
            {"model": {**_SERVED, "frames": "mp4", "pixels": "rgb", "qp": 0}},
            "--show: png in runs/a, mp4 here",
        ),
        (
            {"model": _SERVED},
            {"model": {"model": "1f"}},
            "--model: m at http://a/v1 in runs/a, m here",
        ),
        (
            {"model": {"model": "1f"}},
            {"model": {"model": "2e"}},
            "--model: m is another than when runs/a was made",
        ),
        (
            {"model": {"model": "1f"}},
            {"model": {"model": "2e"}, "name": "n"},
            "--model: m in runs/a, n here",
        ),
        (
            {"model": {"dtype": "float32"}},
            {"model": {"dtype": "bfloat16"}},
            "the model's dtype: float32 in runs/a, bfloat16 here",
        ),
        (
            {"benchmark": "12", "source": "/a"},
            {"benchmark": "34", "source": "/b"},
            "benchmark: /a (digest 12) in runs/a, /b (digest 34) here",
        ),
    ],
)
def test_in_what_runs_differ_is_told_by_the_option(
    theirs: dict[str, object], ours: dict[str, object], told: str
) -> None:
    """Nothing else is: neither what is the same, nor what only follows from it."""
    same = {"benchmark": "b", "source": "/b", "model": None, "name": "m", "decoding": {"seed": 0}}
    assert [told] == [str(one) for one in otherwise(same | theirs, same | ours, "runs/a")]
    assert not otherwise(same | ours, same | ours, "runs/a")


@pytest.mark.parametrize("left", [".answers.jsonl.journal", ".run.json.0.unfinished"])
def test_what_a_kill_at_the_start_leaves_is_no_hindrance(tmp_path: Path, left: str) -> None:
    """The journal is there before `run.json` is, and that is whole or not there."""
    (tmp_path / left).touch()
    facts = {"benchmark": "b", "model": None, "decoding": {}}
    with RunFolder(tmp_path, facts):
        assert "running" == read_run(tmp_path)["state"]


def test_a_video_that_is_gone_is_a_failure_of_its_questions(
    setting: Setting, videos: Path, tmp_path: Path
) -> None:
    """They are counted with the reason; all others are asked."""
    gone = setting.benchmark.dataset.recipes[0].video
    root = tmp_path / "some"
    root.mkdir()
    for path in videos.iterdir():
        if path.name != gone:
            (root / path.name).symlink_to(path)
    benchmark = Benchmark.load(setting.folder, root=root)
    moved = Setting(setting.folder, benchmark, Renderer.for_dataset(benchmark.dataset))
    model = Model(truth)
    run = moved.run(model, tmp_path / "run", conditions=("sighted",))
    lost = sum(recipe.video == gone for recipe in benchmark.dataset.recipes)
    assert 60 - lost == len(model.asked)
    assert lost == run.facts["unrendered"]
    (reasons,) = run.facts["failures"].values()
    assert lost == sum(reasons.values())
    assert all(reason.startswith("cannot be shown: ") and gone in reason for reason in reasons)
    assert 100 == scores(run)["sighted"]["mean"]["mean"]


@pytest.mark.parametrize("lent", [False, True])
def test_a_plugins_fault_is_no_failed_question(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, lent: bool
) -> None:
    """It ends the run, whether the question itself is wanted or its frames for another one."""
    render = Renderer.render
    wanted = setting.benchmark.dataset.recipes[0]

    def faulty(renderer: Renderer, recipe: Recipe) -> Sample:
        if (recipe == wanted) != lent:
            raise PluginError("a bug", plugin="anomaly")
        return render(renderer, recipe)

    monkeypatch.setattr(Renderer, "render", faulty)
    with pytest.raises(PluginError, match="a bug"):
        setting.run(Model(truth), tmp_path / "run", conditions=("wrong_video",))


def test_a_subtask_of_one_video_has_no_wrong_one(setting: Setting) -> None:
    """It is refused before anything is asked, rather than shown its own."""
    one = setting.benchmark.dataset.recipes[0]
    with pytest.raises(ConfigError, match=f"all questions of {one.task} are about one video"):
        strangers([one, one])


@pytest.mark.parametrize(
    ("text", "right"),
    [("blind, sighted", ("sighted", "blind")), ("wrong_video", ("wrong_video",))],
)
def test_conditions_are_named(text: str, right: tuple[Condition, ...]) -> None:
    """In any order, with or without spaces."""
    assert right == conditions_of(text)


@pytest.mark.parametrize("text", ["", "blnd", "sighted,wrong video"])
def test_other_conditions_are_refused(text: str) -> None:
    """With those that there are."""
    with pytest.raises(ConfigError, match=r"there are sighted, blind, wrong_video|did you mean"):
        conditions_of(text)


# The build


def test_what_a_training_set_has_is_left_out(
    bench: Path, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The benchmark asks about the other videos alone, and says how many it left out; its stages are told."""
    recipes = Dataset.load(bench).recipes
    some = {video for video, _ in Counter(r.video for r in recipes).most_common(4)}
    train = Dataset(tuple(r for r in recipes if r.video in some), Dataset.load(bench).header)
    train.save(tmp_path / "train")
    words = ("--videos", videos, "-o", tmp_path / "held_out", "--disjoint-from", tmp_path / "train")
    assert 0 == call("bench", "build", "tiny", *words, "build.size=12")
    assert some.isdisjoint(r.video for r in Dataset.load(tmp_path / "held_out").recipes)
    told = capsys.readouterr()
    assert f"no video in common with {tmp_path / 'train'}; 4 left out" in told.out
    for stage, total in (("building", 12), ("measuring floors", 3)):
        assert re.search(rf"{stage}.* {total}/{total} ", told.err)


def test_viubench_is_meant_unless_told_otherwise_and_always_checked(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A first word with `=` in it is a setting of viubench; a plan alone is refused before any work."""
    words = ("--videos", videos, "-o", tmp_path / "bench", "tasks.jigsaw_harder.segments=5")
    assert 2 == call("bench", "build", *words)
    assert "no installed plugin has the name 'jigsaw_harder'" in capsys.readouterr().err
    assert 2 == call("bench", "build", *words[:-1], "build.check=false")
    assert "a benchmark's questions have to hold" in capsys.readouterr().err
    assert not (tmp_path / "bench").exists()


# The report


@pytest.fixture(scope="session")
def rude(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The run of a model of hostile name that says hostile things, and fails at times."""

    def says(asked: Asked) -> str | Answer:
        if asked.key.endswith("/5"):
            return Answer("", failure=HOSTILE)
        return truth(asked) if asked.key.endswith(("0", "2", "4")) else HOSTILE

    folder = tmp_path_factory.mktemp("rude") / "run"
    return setting.run(Model(says, name=HOSTILE), folder, conditions=("sighted", "wrong_video"))


@pytest.fixture(scope="session")
def page(rude: Finished, setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its report."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    recipes = setting.benchmark.dataset.recipes
    write_bench_report([rude], path, renderer=setting.renderer, recipes=recipes)
    return path


def test_the_page_runs_nothing_and_asks_for_nothing(page: Path) -> None:
    """Hostile text is shown as text, in tags and in attributes; there is no address in the file."""
    text = page.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "<img" not in text
    assert html.escape(HOSTILE).replace("&quot;", "&#34;") in text
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert namespaces == set(re.findall(r"https?://[^\s\"'<>)]+", text))


def test_answers_to_look_at_are_there_to_play(page: Path, rude: Finished) -> None:
    """Of each subtask the worst two, the one that failed and two others, with question, truth and clip."""
    text = page.read_text(encoding="utf-8")
    assert 5 * len(rude.facts["subtasks"]) == text.count("<article")
    assert text.count("<video") >= text.count("<article")
    assert len(rude.facts["subtasks"]) == text.count('<span class="quiet">not answered')
    assert 2 * len(rude.facts["subtasks"]) == text.count("among the worst")
    assert "Truth" in text
    assert "Wrong video" in text


def test_the_files_beside_it_have_the_same_figures(page: Path, rude: Finished) -> None:
    """JSON and CSV: by condition, baseline and subtask."""
    tree = json.loads(page.with_suffix(".json").read_text())
    (run,) = tree["runs"]
    assert json.loads((rude.folder / "scores.json").read_text()) == run["scores"]
    rows = list(csv.DictReader(page.with_suffix(".csv").read_text().splitlines()))
    found = {(row["shown"], row["subtask"]): row for row in rows}
    subtasks = rude.facts["subtasks"]
    assert len(rows) == 5 * (len(subtasks) + 1)
    mean = run["scores"]["sighted"]["mean"]
    assert float(found["sighted", "mean"]["score"]) == pytest.approx(mean["raw"]["mean"])
    assert {"1"} == {found["sighted", subtask]["failed"] for subtask in subtasks}


def of_subtasks(run: Finished, names: Sequence[str]) -> Finished:
    """A run as if its questions were of other subtasks, in turn."""
    subtask = {one.key: names[n % len(names)] for n, one in enumerate(run.questions)}
    return replace(
        run,
        facts=run.facts
        | {"subtasks": Counter(subtask.values()), "floors": dict.fromkeys(names, 0.25)},
        questions=tuple(replace(one, subtask=subtask[one.key]) for one in run.questions),
        answers={at: replace(one, subtask=subtask[one.key]) for at, one in run.answers.items()},
    )


def test_published_averages_stand_beside_viubench_alone(
    knows: tuple[Finished, Model], tmp_path: Path
) -> None:
    """Averages over its nine subtasks say nothing of other means; ours stand apart from them."""
    nine = list(load_config("viubench").tasks)
    for names, there in ((nine, True), (nine[:8], False), ([*nine[:8], "jigsaw_harder"], False)):
        folder = tmp_path / f"{len(names)}{there}"
        page, tree, _ = write_bench_report([of_subtasks(knows[0], names)], folder / "page.html")
        text = page.read_text().partition("</style>")[2]
        assert [there] * 3 == [
            said in text for said in ("measured on other videos", "VideoSSR-8B", "<hr>")
        ]
        assert there == bool(json.loads(tree.read_text())["published"])
        if there:
            own, _, others = text.partition('<div class="card ranked">')[2].partition("<hr>")
            assert 'class="name ours">knows<' in own
            assert "published</small>" not in own
            assert "ours" not in others.partition("</div>\n\n")[0]


def test_the_worst_are_those_of_the_lowest_mean(setting: Setting, tmp_path: Path) -> None:
    """Over the runs that answered: by a sum, more answers would look better; without any, it stands apart."""
    task = next(iter(setting.benchmark.subtasks))

    def says(by: dict[str, str | Answer], asked: Asked) -> str | Answer:
        return by.get(asked.key.removeprefix(f"sighted/{task}/"), truth(asked))

    failed = Answer("", failure="HTTP 500")
    answers = (
        {"0": "no idea", "1": "no idea", "2": failed, "3": failed},
        {"0": "no idea", "3": failed},
    )
    runs = [
        setting.run(
            Model(partial(says, by), name=f"m{i}"), tmp_path / f"{i}", conditions=("sighted",)
        )
        for i, by in enumerate(answers)
    ]
    chosen = failures(run_tables(runs), None, (), worst=9, by_chance=0)
    worst, missing = "among the worst", "not answered"
    assert [("0", worst), ("1", worst), ("3", missing)] == [
        (one.question.key.rpartition("/")[2], one.why) for one in chosen
    ]


def test_no_answer_is_no_bar_at_zero(
    rude: Finished, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What has no answer is in no histogram, and is counted beside it."""
    drawn: list[int] = []

    def histogram(own: Sequence[float], control: Sequence[float], *_: object) -> str:
        drawn.extend([len(own), len(control)])
        return ""

    monkeypatch.setattr("videossr_trainers.bench.report.page.histogram", histogram)
    write_bench_report([rude], tmp_path / "page.html")
    subtasks = rude.facts["subtasks"].values()
    assert [count - 1 for count in subtasks for _ in range(2)] == drawn
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert len(subtasks) == text.count("<small>1 not answered</small>")


def test_a_run_that_saw_nothing_says_what_it_was_asked(setting: Setting, tmp_path: Path) -> None:
    """Blind alone is no score, and yet a model was asked: its figures stand on the page."""
    run = setting.run(Model(truth, name="blind one"), tmp_path / "run", conditions=("blind",))
    write_bench_report([run], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Asked blind (mean of the subtasks 100.0 [100.0, 100.0]), blind floor " in text
    assert "No model was asked" not in text
    assert "60 answers, 6,000 + 300 tokens" in text


def test_runs_are_compared_question_by_question(
    rude: Finished, knows: tuple[Finished, Model], tmp_path: Path
) -> None:
    """The second minus the first; of the model that knows all the interval lies above zero."""
    path = tmp_path / "both.html"
    write_bench_report([rude, knows[0]], path)
    (compared,) = json.loads(path.with_suffix(".json").read_text())["comparisons"]
    differences = compared["differences"]
    assert {*rude.facts["subtasks"], "mean"} == {*differences}
    assert all(one["change"]["low"] > 0 for one in differences.values())
    assert len(rude.facts["subtasks"]) == differences["mean"]["unpaired"]
    assert "its video is not at hand" in path.read_text(encoding="utf-8")
    rows = list(csv.DictReader(path.with_suffix(".csv").read_text().splitlines()))
    paired = {row["subtask"]: row for row in rows if row["against"]}
    assert paired.keys() == differences.keys()
    assert all(
        float(paired[name]["low"]) == pytest.approx(one["change"]["low"])
        for name, one in differences.items()
    )


def test_one_video_shows_nothing(knows: tuple[Finished, Model], tmp_path: Path) -> None:
    """A score is there, and neither an interval nor a verdict; the files say of how many videos it is."""
    run = replace(
        knows[0],
        questions=tuple(replace(question, video_hash="v") for question in knows[0].questions),
        answers={key: replace(answer, video="v") for key, answer in knows[0].answers.items()},
    )
    page, _, table = write_bench_report([run, run], tmp_path / "one.html")
    shown = page.read_text().partition("</style>")[2]
    assert "100.0 <small>too few videos" in shown
    assert 'class="bar' not in shown
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {(row["low"], row["high"], row["videos"]) for row in rows} == {("", "", "1")}


@pytest.mark.parametrize(("count", "coloured"), [(7, False), (8, True)])
def test_few_videos_colour_nothing(
    knows: tuple[Finished, Model], tmp_path: Path, count: int, *, coloured: bool
) -> None:
    """A difference stands there with its interval, and how far one can trust so many of them."""
    right = knows[0].answers.items()
    keys = [question.key for question in knows[0].questions]
    runs = [
        replace(
            knows[0],
            answers={
                key: replace(given, value=value, video=f"{keys.index(given.key) % count}")
                for key, given in right
            },
        )
        for value in (0.0, 1.0)
    ]
    page, *_ = write_bench_report(runs, tmp_path / "few.html")
    shown = page.read_text(encoding="utf-8").partition("</style>")[2]
    assert "+100.0</span> <small>[+100.0, +100.0]" in shown
    assert coloured == ('class="verdict higher"' in shown)
    assert coloured != ('class="verdict too-few-videos"' in shown)
    style = page.read_text(encoding="utf-8").partition("</style>")[0]
    assert ".higher {" in style
    assert ".lower {" in style
    assert "of 3, one or more misses the truth in up to 14 % of all" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["/long/way/to/run/model"], ["run/model"]),
        (["/a/one/run/model", "/a/two/run/model"], ["one/run/model", "two/run/model"]),
        (["/a/run/model", "run/model"], ["a/run/model", "run/model"]),
        (["Qwen/Qwen3-VL-8B-Instruct", "tiny"], ["Qwen/Qwen3-VL-8B-Instruct", "tiny"]),
    ],
)
def test_of_a_path_so_much_is_shown_as_tells_it_apart(names: list[str], short: list[str]) -> None:
    """Two parts at least, since the last one is often the same word."""
    assert short == list(shortened(names).values())


def test_the_whole_path_of_a_model_stands_once(
    knows: tuple[Finished, Model], tmp_path: Path
) -> None:
    """Among the facts of the run; runs of one model are told apart by their folders."""
    path = "/a/long/way/to/run/model"
    run = replace(knows[0], facts={**knows[0].facts, "name": path})
    runs = [replace(run, folder=Path("/a/long/way", name)) for name in ("one", "two")]
    for some, titled in (
        (runs[:1], "run/model"),
        (runs, "run/model (way/one) and run/model (way/two)"),
    ):
        page, *_ = write_bench_report(some, tmp_path / "page.html")
        text = page.read_text(encoding="utf-8")
        assert f"<title>Benchmark: {titled}</title>" in text
        assert len(some) == text.count(path)


def test_runs_of_other_benchmarks_are_refused(
    knows: tuple[Finished, Model], setting: Setting, tmp_path: Path
) -> None:
    """Both digests are named: questions that differ make no pair."""
    other, dataset = tmp_path / "other", setting.benchmark.dataset
    replace(dataset, recipes=dataset.recipes[:2]).save(other)
    assert 0 == call("bench", "run", other, "-o", tmp_path / "run", "-q")
    run = Finished.load(tmp_path / "run")
    with pytest.raises(ConfigError) as error:
        write_bench_report([knows[0], run], tmp_path / "report.html")
    for digest in (knows[0].facts["benchmark"], run.facts["benchmark"]):
        assert digest in str(error.value)
    assert not (tmp_path / "report.html").exists()


def test_the_command_reports_and_replaces_nothing_else(
    rude: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second report takes the place of the first; a file that is none stays."""
    path = tmp_path / "report.html"
    few = ("--worst", 1, "--by-chance", 0, "-q")
    assert 0 == call("bench", "report", rude.folder, "-o", path, *few)
    assert "<video" in path.read_text(encoding="utf-8")
    assert 0 == call("bench", "report", rude.folder, "-o", path, *few)
    for mine in (path, tmp_path / "other.json", tmp_path / "another.csv"):
        mine.write_text("mine")
        assert 2 == call("bench", "report", rude.folder, "-o", mine.with_suffix(".html"), *few)
        assert f"{mine}: exists already, and is no report" in capsys.readouterr().err
        assert "mine" == mine.read_text()
    assert 2 == call("bench", "report", tmp_path / "none", "-o", tmp_path / "new.html", *few)
    assert f"{tmp_path / 'none'}: no run, run.json is missing" in capsys.readouterr().err
    assert 2 == call("bench", "report", rude.folder, "-o", tmp_path / "page.json", *few)
    assert "name the page" in capsys.readouterr().err
    assert not (tmp_path / "page.csv").exists()


# The hand-over


@pytest.fixture(scope="session")
def exported(bench: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The task folder of the benchmark."""
    folder = tmp_path_factory.mktemp("exported") / "tasks"
    assert 0 == call("bench", "export-lmms", bench, "-o", folder, "-q")
    return folder


def test_what_is_handed_over_is_what_we_ask(exported: Path, setting: Setting) -> None:
    """Prompt, videos in their places and their times; the right answer scores 100 there as here."""
    reader = Exported(exported)
    renderer = setting.renderer
    for subtask, count in setting.benchmark.subtasks.items():
        lines = (exported / f"{subtask}.jsonl").read_text().splitlines()
        assert count == len(lines)
        recipes = {r.index: r for r in setting.benchmark.dataset.of_task(subtask)}
        for line in lines[:3]:
            document = json.loads(line)
            recipe = recipes[int(document["id"].rpartition("/")[2])]
            sample = renderer.render(recipe)
            (message,) = reader.messages(document)
            (asked,) = sample.prompt
            # Where a clip begins late, that is said after it, since players count from zero.
            begins = "(This video begins at second "
            said = [p for p in message["content"] if not p.get("text", "").startswith(begins)]
            assert [p["type"] for p in asked["content"]] == [p["type"] for p in said]
            assert [p["text"] for p in said if p["type"] == "text"] == [
                p["text"] for p in asked["content"] if p["type"] == "text"
            ]
            late = [c for c in sample.clips if c.times[0] > 0.05]
            assert len(late) == len(message["content"]) - len(said)
            assert all(f"{begins}{c.times[0]:.1f}.)" in reader.text(document) for c in late)
            for path, clip in zip(reader.visuals(document), sample.clips, strict=True):
                times = read_timeline(path).times
                assert times.tolist() == pytest.approx(
                    (clip.times - clip.times[0]).tolist(), abs=1e-4
                )
            thought = f"<think>\nno idea</think>\n<answer>{sample.answer}</answer>"
            for right in (sample.answer, thought):
                assert {"score": 100, "unreadable": 0} == reader.score(document, right)
            assert {"score": 0, "unreadable": 100} == reader.score(document, "no idea")


def test_long_names_of_subtasks_do_not_collide(setting: Setting, tmp_path: Path) -> None:
    """Two that are alike for longer than a file's name may be have files of their own."""
    first = setting.benchmark.dataset.recipes[0]
    own = {
        f"{'counting_' * 8}{end}": replace(first, task=f"{'counting_' * 8}{end}") for end in "ab"
    }

    class Renaming:
        """Renders these as what they were."""

        def render(self, recipe: Recipe) -> Sample:
            return setting.renderer.render(replace(recipe, task=first.task))

    dataset = replace(setting.benchmark.dataset, recipes=tuple(own.values()))
    exports = export_lmms_eval(Benchmark(dataset, "digest"), Renaming(), tmp_path / "tasks")
    assert 2 == len({*exports.tasks}) == len([*(tmp_path / "tasks").glob("*.jsonl")])
    assert 2 * len(setting.renderer.render(first).clips) == exports.videos
    assert all(len(path.name) < 90 for path in (tmp_path / "tasks").rglob("*"))


@pytest.mark.slow
def test_lmms_eval_itself_scores_as_we_do(exported: Path, tmp_path: Path) -> None:
    """The real harness loads the folder, opens the videos, and comes to our scores for the same answer."""
    there = [LMMS_PYTHON, "-c", "import lmms_eval, videossr.benchmark.exported"]
    if subprocess.run(there, capture_output=True, check=False).returncode:
        pytest.skip(
            "lmms-eval is not installed here; set VIDEOSSR_TEST_LMMS_PYTHON to a Python that has it, "
            "videossr-core and the plugins"
        )
    words = ["--model", "dummy", "--model_args", "response=231,read_bytes=64,decode_num_frames=4"]
    words += ["--tasks", "viubench", "--include_path", str(exported), "--batch_size", "1"]
    offline = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    subprocess.run(
        [LMMS_PYTHON, "-m", "lmms_eval", *words, "--output_path", str(tmp_path / "out")],
        check=True,
        cwd=tmp_path,
        env={**os.environ, **offline},
    )
    (result,) = (tmp_path / "out").rglob("*results.json")
    found = json.loads(result.read_text())["results"]
    reader = Exported(exported)
    means = []
    for path in sorted(exported.glob("*.jsonl")):
        documents = [json.loads(line) for line in path.read_text().splitlines()]
        own = [reader.score(document, "231")["score"] for document in documents]
        means.append(sum(own) / len(own))
        theirs = found[f"viubench_{path.stem}"]["score,none"]
        assert theirs == pytest.approx(means[-1])
    assert found["viubench"]["score,none"] == pytest.approx(sum(means) / len(means))


# On real clips


#: Clips of one shape: what a blind answer earns is measured for each shape and number of frames.
CLIPS = (
    *("butterfly_30fps.mp4", "cups_shell_game_30fps.mp4", "dog_leash_30fps.mp4"),
    *("firstperson_walk_gopro_30fps.mp4", "flower_timelapse_vp8.webm", "highway_dashcam_25fps.mp4"),
    *("plaza_sculpture_msmpeg4.avi", "pour_coffee_30fps.mp4", "soccer_juggling_24fps.mp4"),
    *("telescope_crane_hevc_10bit.mp4", "coast_drone_gopro_30fps.mp4", "derived_cups_vfr_hevc.mkv"),
)


@pytest.mark.slow
@pytest.mark.skipif(not REAL_VIDEOS.is_dir(), reason=f"no real clips in {REAL_VIDEOS}")
def test_viubench_on_real_clips(tmp_path: Path) -> None:
    """The oracle scores 100.0 on all nine subtasks, and the constant earns the floor within its interval."""
    clips, bench, run = (tmp_path / name for name in ("clips", "bench", "run"))
    clips.mkdir()
    for name in CLIPS:
        (clips / name).symlink_to(REAL_VIDEOS / name)
    small = (
        "video.num_frames=16",
        "video.fps=null",
        "video.max_pixels=8192",
        "video.min_pixels=1024",
    )
    assert 0 == call(
        "bench", "build", "--videos", clips, "-o", bench, *small, "build.size=63", "-q"
    )
    assert 0 == call("bench", "run", bench, "-o", run, "-q")
    finished = Finished.load(run)
    found = scores(finished)
    assert 9 == len(finished.facts["floors"])
    for subtask in finished.facts["floors"]:
        raw = found["oracle"][subtask]
        assert raw == raw | {"mean": 100, "low": 100, "high": 100}
    assert_constant_is_floor(finished)
