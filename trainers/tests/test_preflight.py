"""A training is checked before its first step: what is sound passes, what is broken is named."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest
import torch

from videossr import Clip, ConfigError, Unsuitable, VideoError
from videossr.build import build
from videossr.cli.app import main
from videossr.config import load_config
from videossr.facades import Score, Task
from videossr.finding import NotPossible
from videossr.procedural import write_videos
from videossr.render import Renderer
from videossr.scan import scan
from videossr_trainers import processes
from videossr_trainers.engine import encoding
from videossr_trainers.engine.encoding import PromptBatch, PromptEncoder
from videossr_trainers.models.load import load_model
from videossr_trainers.models.tiny import save_tiny
from videossr_trainers.preflight import memory
from videossr_trainers.preflight.course import Done, Preflight
from videossr_trainers.preflight.inspection import OF_THE_DATA, OF_THE_TRAINER, Check, inspect
from videossr_trainers.preflight.subject import Subject
from videossr_trainers.questions.data import OTHER_FILE
from videossr_trainers.sections import ModelSection
from videossr_trainers.training.train import Started, make_trainer, train

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from videossr import Sample, VideossrError
    from videossr.dataset import Dataset, Recipe
    from videossr.finding import Finding
    from videossr_trainers.engine.grpo import VideoGRPOTrainer

#: Two tasks, few frames, small steps.
SMALL: Final = (
    "build.size=16",
    "build.refill=true",
    "tasks.counting.enabled=false",
    "warm_start.steps=0",
    "grpo.questions_per_step=4",
    "grpo.questions_per_device=2",
    "grpo.num_generations=4",
    "grpo.max_completion_length=6",
    "grpo.max_steps=3",
    "grpo.loader_workers=0",
)
CHECKS: Final = {check.name: check for check in (*OF_THE_DATA, *OF_THE_TRAINER)}


@pytest.fixture(autouse=True)
def _few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute with the threads that there are: more of them wait for each other on a busy machine."""
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Questions of two tasks about videos drawn by code, saved."""
    folder = tmp_path_factory.mktemp("preflight")
    write_videos(folder / "videos", 4, seed=1, seconds=5, fps=8, height=64, width=64)
    made = build(load_config("tiny", SMALL), scan(folder / "videos"), folder / "videos")
    made.save(folder / "dataset")
    return made


@pytest.fixture(scope="module")
def sound(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sound model and processor."""
    folder = tmp_path_factory.mktemp("sound")
    return save_tiny(folder, [recipe.question for recipe in dataset.recipes], seed=3)


@pytest.fixture
def model(sound: Path, tmp_path: Path) -> Path:
    """A copy of it, to be broken."""
    return shutil.copytree(sound, tmp_path / "model")


@pytest.fixture
def subject(dataset: Dataset, model: Path, tmp_path: Path) -> Callable[..., Subject]:
    """Makes what a preflight looks at, up to the loaded model."""

    def make(*overrides: str) -> Subject:
        config = load_config("tiny", [*SMALL, f"model.name={model}", *overrides])
        made = Subject(config, dataset, tmp_path / "run")
        made.model, made.processor = load_model(str(model))
        return made

    return make


@pytest.fixture
def going(subject: Callable[..., Subject], model: Path) -> Callable[..., Subject]:
    """Makes what a preflight looks at, trainer and all."""

    def make(*overrides: str) -> Subject:
        made = subject(*overrides)
        made.trainer = trainer_of(made, model)
        return made

    return make


def trainer_of(subject: Subject, name: Path) -> VideoGRPOTrainer:
    """The trainer that a run would make."""
    return make_trainer(
        subject.config,
        subject.dataset,
        subject.recipes,
        Renderer.for_dataset(subject.dataset, run=subject.config),
        Started(subject.model, subject.processor, str(name), ()),
        subject.folder,
        lambda *_: None,
    )


def only(check: str, subject: Subject) -> Finding:
    """The finding of one check alone."""
    made: Check = replace(CHECKS[check], after=())
    (finding,) = inspect(subject, [made])
    return finding


def of_data(subject: Subject) -> Mapping[str, Finding]:
    """The findings before there is a trainer, by check."""
    return {finding.check: finding for finding in inspect(subject, OF_THE_DATA)}


def edit(path: Path, **values: object) -> None:
    """Change values of a JSON file, wherever in the tree their names stand."""

    def changed(tree: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(tree, list):
            return [changed(one) for one in tree]
        if not isinstance(tree, dict):
            return tree
        return {name: values.get(name, changed(value)) for name, value in tree.items()}

    path.write_text(json.dumps(changed(json.loads(path.read_text()))))


def test_everything_passes_on_a_sound_training(
    dataset: Dataset, sound: Path, tmp_path: Path
) -> None:
    """Every check is made, none complains, and the findings lie in the run's folder."""
    config = load_config("tiny", [*SMALL, f"model.name={sound}"])
    told: list[Finding] = []
    check = Preflight(config, dataset, tmp_path / "run", told.extend)
    check.subject.warms_up = True  # its answers have no form yet
    check.of_the_data(*load_model(str(sound)))
    check.watch(trainer_of(check.subject, sound))
    check.on_train_begin(None, None, None)  # type: ignore[arg-type] # what it does not look at
    states = {one.check: one.state for one in told}
    assert states.pop("loader") in ("ok", "warning")  # as busy as the machine is
    assert {name: "ok" for name in CHECKS if name != "loader"} == states
    report = json.loads((tmp_path / "run" / "preflight.json").read_text())
    assert [*CHECKS] == [one["check"] for one in report["findings"]]
    assert all(one["measured"] and one["meaning"] for one in report["findings"])


def test_a_preflight_leaves_no_trace_in_the_training(
    dataset: Dataset, sound: Path, tmp_path: Path
) -> None:
    """Loss, rewards, lengths: every figure of every step is the same to the bit."""
    curves = {}
    for preflight in ("true", "false"):
        folder = tmp_path / preflight
        config = load_config(
            "tiny", [*SMALL, f"model.name={sound}", f"grpo.preflight={preflight}", "grpo.beta=0.01"]
        )
        train(config, dataset, folder, lambda *_: None)
        curves[preflight] = curve(folder)
        assert (preflight == "true") == (folder / "preflight.json").exists()
    assert 3 == len(curves["true"])
    assert curves["false"] == curves["true"]


def curve(folder: Path) -> list[dict[str, float]]:
    """What a training measured in each step, seconds aside."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [
        {n: v for n, v in line.items() if "time" not in n and not n.startswith("data_wait")}
        for line in lines
    ]


@pytest.mark.slow
def test_two_processes_check_together_and_train_as_without(
    dataset: Dataset, sound: Path, tmp_path: Path
) -> None:
    """Nobody waits for ever, there is one report, and the curve of two processes stays as it is."""
    script, saved = Path(__file__).with_name("preflight_on_two.py"), dataset.root.parent / "dataset"
    settings = [*SMALL, f"model.name={sound}", "grpo.max_steps=2"]
    settings.append("grpo.loader_workers=1")  # else each process computes with all cores
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, str(script), str(saved), str(tmp_path), *settings],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    report = json.loads((tmp_path / "true" / "preflight.json").read_text())
    states = {one["check"]: one["state"] for one in report["findings"]}
    assert "fault" not in states.values()
    assert [*CHECKS] == [*states]
    assert "ok" == states["pixels"]
    assert 2 == len(curve(tmp_path / "true"))
    assert curve(tmp_path / "false") == curve(tmp_path / "true")


def test_probing_puts_the_trainer_back(going: Callable[..., Subject]) -> None:
    """Chance, gradients, modes, and what trl has gathered are as they were."""
    subject = going()
    trainer = subject.trainer
    assert trainer is not None
    weight = next(trainer.model.parameters())
    weight.grad = torch.ones_like(weight)
    trainer.model.eval()
    before = (torch.get_rng_state(), trainer.state.num_input_tokens_seen, dict(vars(trainer)))
    assert "ok" == only("pixels", subject).state
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == trainer.state.num_input_tokens_seen
    assert before[2].keys() == vars(trainer).keys()
    assert not any(module.training for module in trainer.model.modules())
    assert torch.equal(torch.ones_like(weight), weight.grad)
    assert {} == trainer._metrics["train"]
    assert not trainer._logs["prompt"]


# Pixels


def zeroed(trainer: VideoGRPOTrainer, patch: pytest.MonkeyPatch) -> None:
    del trainer
    patch.setattr(encoding, "scaled", lambda patches: torch.zeros_like(patches, dtype=torch.float))


def blinded(trainer: VideoGRPOTrainer, patch: pytest.MonkeyPatch) -> None:
    tower = trainer.model.model.visual
    stock = tower.forward

    def blind(pixels: Tensor, *args: object, **kwargs: object) -> object:
        return stock(torch.zeros_like(pixels), *args, **kwargs)

    patch.setattr(tower, "forward", blind)


def without_video(trainer: VideoGRPOTrainer, patch: pytest.MonkeyPatch) -> None:
    del trainer
    patch.setattr(PromptBatch, "vision", {})


def dropped(trainer: VideoGRPOTrainer, patch: pytest.MonkeyPatch) -> None:
    inner = trainer.model.model
    stock = inner.get_video_features

    def none_of(some: Any) -> Any:  # noqa: ANN401 - tensors, one in the other
        return torch.zeros_like(some) if torch.is_tensor(some) else [none_of(one) for one in some]

    def empty(*args: object, **kwargs: object) -> Any:  # noqa: ANN401
        output = stock(*args, **kwargs)
        for name in ("pooler_output", "deepstack_features"):
            setattr(output, name, none_of(getattr(output, name)))
        return output

    patch.setattr(inner, "get_video_features", empty)


@pytest.mark.parametrize(
    ("plant", "named"),
    [
        (without_video, "the vision tower is never called"),
        (zeroed, "what goes into the vision tower is the same for other pictures"),
        (blinded, "other pixels go into the vision tower, and the same features come out"),
        (dropped, "its features are dropped on the way to the language model"),
    ],
)
def test_where_the_pictures_get_lost_is_named(
    going: Callable[..., Subject],
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[VideoGRPOTrainer, pytest.MonkeyPatch], None],
    named: str,
) -> None:
    """The pictures do not reach the loss, and the place is told at which they are lost."""
    subject = going()
    assert subject.trainer is not None
    plant(subject.trainer, monkeypatch)
    finding = only("pixels", subject)
    assert "fault" == finding.state
    assert finding.measured.startswith(
        "the pictures do not reach the loss: with other pictures every"
    )
    assert named in finding.measured


def test_a_tower_that_gets_no_gradient_is_a_fault(
    going: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pictures are seen, but the tower does not learn although it is meant to."""
    subject = going()
    assert subject.trainer is not None
    tower = subject.trainer.model.model.visual
    monkeypatch.setattr(tower, "forward", torch.no_grad()(tower.forward))
    finding = only("pixels", subject)
    assert "fault" == finding.state
    assert "no gradient comes to the vision tower" in finding.measured


def test_a_tower_frozen_without_adapters_is_told(going: Callable[..., Subject]) -> None:
    """It may be meant, so it is no more than a warning."""
    subject = going()
    assert subject.trainer is not None
    subject.trainer.model.model.visual.requires_grad_(False)
    finding = only("pixels", subject)
    assert ("warning", True) == (finding.state, "is frozen" in finding.measured)


def test_a_forward_pass_that_raises_is_a_fault(
    going: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a step would meet is told before it, with the words of the library."""
    subject = going()
    stock = PromptEncoder._video_text
    monkeypatch.setattr(
        PromptEncoder,
        "_video_text",
        lambda self, clip: stock(self, clip).replace("<|video_pad|>", "", 1),
    )
    finding = only("pixels", subject)
    assert "fault" == finding.state
    assert "RuntimeError: shape mismatch" in finding.measured


# Times


def test_a_wrong_rate_is_named_with_both_rates(
    subject: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prompt that counts frames at 24 a second, where 4 a second are shown.

    By hand: clips of the questions are 0.25 s from frame to frame, so 4 a second; 24 / 4 = 6.
    """
    made = subject()
    even = [a for a in made.asked if set(a.clip.times.diff().tolist()) == {0.25}]
    assert even
    made.__dict__["asked"] = tuple(even)
    monkeypatch.setattr(
        PromptEncoder,
        "_times",
        lambda _, clip: [(2 * i + 0.5) / 24 for i in range((len(clip) + 1) // 2)],
    )
    finding = only("times", made)
    assert "fault" == finding.state
    assert "the prompt says 0.0, 0.1, 0.2" in finding.measured
    right = "6.0 times too slow, as if the video had 24 frames a second rather than 4"
    assert finding.measured.endswith(right)


def test_times_of_the_decoder_are_compared_with_the_file(
    subject: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip whose times are made up of a rate is none of the file's, however well the rest agrees."""
    stock = Renderer.clip

    def at_24(self: Renderer, excerpt: Any) -> Clip:  # noqa: ANN401
        clip = stock(self, excerpt)
        return Clip(clip.frames, torch.arange(len(clip), dtype=torch.float64) / 24)

    monkeypatch.setattr(Renderer, "clip", at_24)
    finding = only("times", subject("tasks.anomaly.enabled=false"))
    assert "fault" == finding.state
    assert "the decoder says 0.0, 0.0, 0.1" in finding.measured
    assert "as if the video had 24 frames a second rather than" in finding.measured


def test_a_task_that_changes_times_is_told(subject: Callable[..., Subject]) -> None:
    """A clip shown at half the speed may be what a task means; pieces of the video pass as they are."""
    made = subject()
    asked = made.asked[0]
    (clip,) = asked.sample.clips
    slow = replace(asked.sample, clips=(Clip(clip.frames, 2 * clip.times + 1),))
    made.__dict__["asked"] = (replace(asked, sample=slow),)
    finding = only("times", made)
    assert ("warning", True) == (finding.state, "2.0 times too fast" in finding.measured)


def test_every_second_frame_is_part_of_a_video(subject: Callable[..., Subject]) -> None:
    """A task may leave frames out and start at zero: the differences are still the video's."""
    made = subject()
    asked = made.asked[0]
    (clip,) = asked.sample.clips
    some = Clip(clip.frames[2::2], clip.times[2::2]).rebased()
    made.__dict__["asked"] = (replace(asked, sample=replace(asked.sample, clips=(some,))),)
    assert "ok" == only("times", made).state


# Processor


def test_a_chat_template_that_drops_videos_is_named(
    subject: Callable[..., Subject], model: Path
) -> None:
    """The saved template no longer knows parts of type video; what cannot be made is left out."""
    template = model / "chat_template.jinja"
    template.write_text(template.read_text().replace("part.type == 'video'", "part.type == 'film'"))
    found = of_data(subject())
    assert "fault" == found["processor"].state
    assert "the chat template drops the video" in found["processor"].measured
    assert {"skipped"} == {found[name].state for name in ("tokens", "times", "prompt length")}


def test_another_normalisation_is_named_with_its_figures(
    subject: Callable[..., Subject], model: Path
) -> None:
    """By hand: with CLIP's mean and deviation white is (1 - 0.481) / 0.269 = 1.929."""
    for path in model.glob("*processor*.json"):
        edit(path, image_mean=[0.481, 0.458, 0.408], image_std=[0.269, 0.261, 0.276])
    finding = of_data(subject())["processor"]
    assert "fault" == finding.state
    assert "white becomes 1.929" in finding.measured


def test_another_rescaling_shows_in_the_pixels(
    subject: Callable[..., Subject], model: Path
) -> None:
    """A factor that no name gives away is found by comparing pixels."""
    for path in model.glob("*processor*.json"):
        edit(path, rescale_factor=1 / 128)
    finding = of_data(subject())["processor"]
    assert "fault" == finding.state
    assert "pixels differ" in finding.measured
    assert "rescale by 0.0078125" in finding.measured


@pytest.mark.parametrize(
    ("file", "values", "named"),
    [
        ("config.json", {"video_token_id": 3}, "the model's video_token_id is 3"),
        ("generation_config.json", {"eos_token_id": 3}, r"generation_config stops at [3]"),
    ],
)
def test_tokens_that_mean_another_thing_to_the_model_are_named(
    subject: Callable[..., Subject], model: Path, file: str, values: dict[str, int], named: str
) -> None:
    """Place-holders and the end of an answer must be the same to tokenizer and model."""
    edit(model / file, **values)
    finding = of_data(subject())["processor"]
    assert "fault" == finding.state
    assert named in finding.measured


def test_the_first_token_that_differs_is_shown(
    subject: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our text and the processor's, from where they part."""
    stock = PromptEncoder.text
    monkeypatch.setattr(
        PromptEncoder, "text", lambda self, s: stock(self, s).replace("user\n", "user\n\n")
    )
    finding = of_data(subject())["processor"]
    assert "fault" == finding.state
    assert "from token" in finding.measured


def test_place_holders_are_counted(
    subject: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too few is told with both numbers."""
    stock = PromptEncoder._video_text
    monkeypatch.setattr(
        PromptEncoder,
        "_video_text",
        lambda self, clip: stock(self, clip).replace("<|video_pad|>", "", 1),
    )
    finding = of_data(subject())["tokens"]
    assert "fault" == finding.state
    assert "23 place-holders in 6 runs" in finding.measured
    assert "make 24 tokens in 6 runs" in finding.measured


def test_a_prompt_that_does_not_fit_is_named(subject: Callable[..., Subject], model: Path) -> None:
    """A model with 64 positions has no room for these prompts."""
    edit(model / "config.json", max_position_embeddings=64)
    finding = of_data(subject())["prompt length"]
    assert "fault" == finding.state
    assert "and the model has 64 positions" in finding.measured


def test_a_prompt_longer_than_allowed_is_named(subject: Callable[..., Subject]) -> None:
    """The run would end at it, so it is told with the limit."""
    finding = of_data(subject("grpo.max_prompt_length=10"))["prompt length"]
    assert "fault" == finding.state
    assert "grpo.max_prompt_length is 10" in finding.measured


def test_what_the_main_process_could_not_render_is_known_to_all(
    subject: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has the main one's outcome, error and all, rather than a reason of its own."""
    made = subject()
    met = NotPossible("of task 'counting' no recipe tried makes a question")
    monkeypatch.setattr(
        processes, "PartialState", lambda: SimpleNamespace(is_main_process=False, num_processes=2)
    )
    monkeypatch.setattr(
        processes, "broadcast_object_list", lambda shared: shared.__setitem__(slice(2), [None, met])
    )
    with pytest.raises(NotPossible, match="no recipe tried"):
        _ = made.asked


def test_an_error_that_nobody_foresaw_reaches_the_other_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are told in words, lest they wait for ever; the main process raises it as it is."""
    sent: list[Any] = []
    monkeypatch.setattr(
        processes, "PartialState", lambda: SimpleNamespace(is_main_process=True, num_processes=2)
    )
    monkeypatch.setattr(processes, "broadcast_object_list", sent.extend)
    with pytest.raises(ZeroDivisionError):
        processes.on_main(lambda: 1 // 0)
    assert "the main process met ZeroDivisionError" in str(sent[1])


# Memory, disk, rewards, loader


def test_too_little_memory_is_told_with_what_takes_most(
    going: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts, the peak and what there is; nothing is then tried on the model."""
    subject = going()
    monkeypatch.setattr(memory, "capacity", lambda _: (2**20, "of RAM available"))
    found = {one.check: one for one in inspect(subject, OF_THE_TRAINER)}
    assert "fault" == found["memory"].state
    assert "of 1.0 MiB of RAM available: " in found["memory"].measured
    assert "most goes to activations, language" in found["memory"].remedy
    assert ("skipped", "skipped") == (found["pixels"].state, found["rewards"].state)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Unsuitable("only planned, and it does not hold"), "ok"),
        (VideoError("one.mp4", "missing", "no such file"), "ok"),
        (VideoError("one.mp4", OTHER_FILE, "is another file"), "fault"),
    ],
)
def test_what_training_would_have_another_stand_in_for_is_passed_over(
    subject: Callable[..., Subject],
    monkeypatch: pytest.MonkeyPatch,
    error: VideossrError,
    state: str,
) -> None:
    """A plan that does not hold and a lost video; another file in its place ends the training, too."""
    made, plain = subject(), Renderer.render
    gone = made.recipes[0].video

    def render(self: Renderer, recipe: Recipe) -> Sample:
        if recipe.video == gone:
            raise error
        return plain(self, recipe)

    monkeypatch.setattr(Renderer, "render", render)
    finding = only("questions", made)
    assert state == finding.state
    if state == "fault":
        assert "one.mp4: is another file" in finding.measured
    else:
        assert gone not in {asked.recipe.video for asked in made.asked}
        assert {recipe.task for recipe in made.recipes} == {one.recipe.task for one in made.asked}


def test_a_full_disk_is_told_before_the_run_fills_it(
    subject: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: three checkpoints, each of weights and two moments, of 10 MB that are free."""
    made = subject("grpo.save_steps=1")
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10_000_000))
    finding = only("disk", made)
    weights = sum(weight.numel() for weight in made.model.parameters())
    assert "fault" == finding.state
    assert 3 * 12 * weights == finding.figures["parts"]["3 checkpoints"]
    assert 4 * weights == finding.figures["parts"]["the model at the end"]


@pytest.mark.parametrize(
    ("settings", "checkpoints"),
    [
        (("grpo.save_steps=2", "grpo.max_steps=3"), "2 checkpoints"),  # after steps 2 and 3
        (("grpo.save_steps=25", "grpo.max_steps=3"), "1 checkpoint"),  # after step 3
        (("grpo.save_steps=0",), "1 checkpoint"),  # when it is stopped
        (("grpo.save_steps=1", "grpo.max_steps=9"), "3 checkpoints"),  # two, and the next one
    ],
)
def test_every_checkpoint_counts(
    subject: Callable[..., Subject], settings: tuple[str, ...], checkpoints: str
) -> None:
    """The last step's, and that of a run that is stopped; no more than lie there at one time."""
    assert checkpoints in only("disk", subject(*settings)).figures["parts"]


def test_the_warm_start_counts_before_it_writes(subject: Callable[..., Subject]) -> None:
    """By hand: two checkpoints of 12 bytes a weight at once, more than GRPO's one and two models."""
    assert "disk" in [check.name for check in OF_THE_DATA]
    made = subject("warm_start.steps=300", "grpo.save_steps=0", "grpo.store_rollouts=false")
    weights = sum(weight.numel() for weight in made.model.parameters())
    parts = only("disk", made).figures["parts"]
    assert {"the warm start's checkpoints and model": 2 * 12 * weights} == parts
    (made.folder / "warm_start").mkdir(parents=True)
    parts = only("disk", made).figures["parts"]
    assert (12 + 4) * weights == sum(parts.values())  # its model is there


def checkpoint(folder: Path, step: int, nbytes: int) -> None:
    """A checkpoint that is whole, of a single file."""
    made = folder / f"checkpoint-{step}"
    made.mkdir(parents=True)
    (made / "weights").write_bytes(bytes(nbytes))
    (made / "whole.json").write_text(json.dumps({"processes": 1, "files": {"weights": nbytes}}))


@pytest.mark.parametrize(
    ("steps", "keep", "checkpoints"),
    [
        ((1,), "2", "2 checkpoints"),  # a second one, and the next
        ((1, 2), "2", "1 checkpoint"),  # the next, before the first goes
        ((1, 2, 3), "2", "1 checkpoint"),  # as a kill leaves it before the first goes
        ((1, 2, 3), "null", "6 checkpoints"),  # those of the other steps
        ((8, 9), "2", "0 checkpoints"),  # no step is left
    ],
)
def test_checkpoints_that_are_there_do_not_come_again(
    subject: Callable[..., Subject], steps: tuple[int, ...], keep: str, checkpoints: str
) -> None:
    """Only the space for those that a run which goes on still writes, the one in hand included."""
    made = subject("grpo.save_steps=1", "grpo.max_steps=9", f"grpo.keep_checkpoints={keep}")
    for step in steps:
        checkpoint(made.folder / "checkpoints", step, 1)
    assert checkpoints in only("disk", made).figures["parts"]


def test_the_warm_starts_checkpoints_make_room(subject: Callable[..., Subject]) -> None:
    """By hand: one is there; another comes before it goes, or GRPO's one and two models once it is gone."""
    made = subject("warm_start.steps=300", "grpo.save_steps=0", "grpo.store_rollouts=false")
    weights = sum(weight.numel() for weight in made.model.parameters())
    checkpoint(made.folder / "warm_start_checkpoints", 100, 12 * weights)
    finding = only("disk", made)
    assert {"the warm start's checkpoints and model": 12 * weights} == finding.figures["parts"]
    made.config = load_config("tiny", [*SMALL, "warm_start.steps=300", "grpo.save_steps=1"])  # type: ignore[misc]
    finding = only("disk", made)
    parts = finding.figures["parts"]
    assert 3 * 12 * weights == parts["3 checkpoints"]
    kept = (made.folder / "warm_start_checkpoints" / "checkpoint-100" / "whole.json").stat().st_size
    assert sum(parts.values()) - 12 * weights - kept == finding.figures["needed"]
    assert "of the warm start's checkpoints, which go before" in finding.measured


def test_a_run_goes_on_where_there_is_room_for_the_rest_of_it(
    dataset: Dataset, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: two of three checkpoints of 12 bytes a weight are there; one more and the model take 16."""
    more = ("grpo.save_steps=1", "grpo.store_rollouts=false", "grpo.log_samples_steps=0")
    config = load_config("tiny", [*SMALL, f"model.name={sound}", *more])
    run = tmp_path / "run"

    def kill(_: str, step: int, *__: object) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, dataset, run, kill)
    assert ["checkpoint-1", "checkpoint-2"] == sorted(p.name for p in run.glob("checkpoints/*"))
    weights = sum(weight.numel() for weight in load_model(str(sound))[0].parameters())
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=15 * weights))
    with pytest.raises(ConfigError, match=r"disk: .* to be written \(1 checkpoint "):
        train(config, dataset, run, lambda *_: None, resume=True)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=17 * weights))
    assert train(config, dataset, run, lambda *_: None, resume=True).exists()


def test_an_adapter_counts_alone(going: Callable[..., Subject]) -> None:
    """A checkpoint holds the weights that are trained, and their moments."""
    made = going("model.lora={rank: 4}")
    trained = [w.numel() for w in made.going.model.parameters() if w.requires_grad]
    made.model, _ = load_model(made.config.section(ModelSection).name)  # as it is before
    assert 12 * sum(trained) == only("disk", made).figures["parts"]["1 checkpoint"]


def test_weights_that_lie_elsewhere_count(subject: Callable[..., Subject]) -> None:
    """ZeRO-3 leaves empty tensors behind, and their true sizes beside them."""
    made = subject()
    whole = only("disk", made).figures["needed"]
    for weight in made.model.parameters():
        weight.ds_numel, weight.data = weight.numel(), weight.data.new_empty(0)
    assert whole == only("disk", made).figures["needed"]


@pytest.mark.parametrize(
    ("score", "remedy"),
    [
        (Score(0.0, parsed=False), "start with warm_start.steps > 0"),
        (Score(1.0), "make the questions harder"),
        (Score(0.0), "make the questions easier"),
    ],
)
def test_groups_that_teach_nothing_get_advice(
    going: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch, score: Score, remedy: str
) -> None:
    """Unreadable answers call for a warm start, all right or all wrong ones for another difficulty."""
    subject = going()
    monkeypatch.setattr(Task, "score", lambda *_, **__: score)
    finding = only("rewards", subject)
    assert "warning" == finding.state
    assert remedy in finding.remedy


def test_a_slow_loader_is_foreseen(going: Callable[..., Subject]) -> None:
    """By hand: one worker makes 1 question in a second, the step asks 5; 5 / 0.8 is more than 6."""
    subject = going("grpo.loader_workers=1")
    assert subject.asked
    subject.encoder.encode = lambda _: []  # type: ignore[method-assign] # takes no time
    subject.seconds_of_rendering = [1.0]
    subject.seconds_of_rollouts, subject.seconds_of_loss = 0.15, 0.05
    finding = only("loader", subject)
    assert "warning" == finding.state
    assert "set grpo.loader_workers=7" in finding.remedy


# The commands


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def test_a_fault_ends_a_training_before_its_first_step(
    dataset: Dataset, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, the fault in a sentence with its remedy, the report in the run's folder."""
    edit(model / "config.json", max_position_embeddings=64)
    saved = dataset.root.parent / "dataset"
    words = ["train", "tiny", "--dataset", saved, "-o", tmp_path / "run", *SMALL]
    code, _, err = run(capsys, *words, f"model.name={model}", "-q")
    assert 2 == code
    assert "error: preflight, prompt length: the longest of" in err
    assert "lower grpo.max_completion_length" in err
    report = json.loads((tmp_path / "run" / "preflight.json").read_text())
    assert "fault" == report["state"]
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_the_command_reports_as_json_and_writes_nothing(
    dataset: Dataset, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All checks with state, figures and seconds; before a warm start answers need no form."""
    saved = dataset.root.parent / "dataset"
    words = ["preflight", "tiny", "--dataset", saved, "-o", tmp_path / "run", *SMALL]
    words += [f"model.name={model}", "warm_start.steps=5", "--json"]
    code, out, _ = run(capsys, *words)
    report = json.loads(out)
    assert (0, True) == (code, report["state"] in ("ok", "warning"))
    assert [*CHECKS] == [one["check"] for one in report["findings"]]
    assert not (tmp_path / "run").exists()


def test_a_preflight_alone_ends_before_the_first_step(
    dataset: Dataset, sound: Path, tmp_path: Path
) -> None:
    """The checks of the trainer end it, and nothing is trained."""
    config = load_config("tiny", [*SMALL, f"model.name={sound}"])
    check = Preflight(config, dataset, tmp_path / "run", ends=True)
    check.of_the_data(*load_model(str(sound)))
    trainer = trainer_of(check.subject, sound)
    check.watch(trainer)
    with pytest.raises(Done):
        trainer.train()
    assert 0 == trainer.state.global_step
    assert not (tmp_path / "run" / "preflight.json").exists()


def test_a_question_that_cannot_be_rendered_is_a_fault(
    dataset: Dataset, subject: Callable[..., Subject]
) -> None:
    """A recipe that renders to another answer than it promises names itself, and the rest is left out."""
    made = subject()
    wrong = tuple(replace(recipe, answer="9.9-9.9") for recipe in made.recipes)
    made.recipes = wrong  # type: ignore[misc] # final, and planted
    found = of_data(made)
    assert "fault" == found["questions"].state
    assert "the dataset has '9.9-9.9'" in found["questions"].measured
    assert {"skipped"} == {
        one.state for name, one in found.items() if name not in ("questions", "disk")
    }
    assert len(dataset.recipes) == len(wrong)


def test_faults_are_told_together(dataset: Dataset, model: Path, tmp_path: Path) -> None:
    """Whoever mends one sees the next at once."""
    edit(model / "config.json", max_position_embeddings=64)
    edit(model / "generation_config.json", eos_token_id=3)
    config = load_config("tiny", [*SMALL, f"model.name={model}"])
    check = Preflight(config, dataset, tmp_path / "run")
    with pytest.raises(ConfigError) as raised:
        check.of_the_data(*load_model(str(model)))
    places = [mistake.where for mistake in raised.value.mistakes]
    assert ["preflight, processor", "preflight, prompt length"] == places
