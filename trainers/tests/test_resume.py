"""A run that is killed, stopped or broken off goes on as if nothing had been."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import safetensors.torch
import torch
from small_runs import CONFIG, make_folder, measured, train, train_command
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerControl, TrainerState, TrainingArguments

from videossr import ConfigError, PluginError, VideoError
from videossr.cli import main
from videossr.config import load_config
from videossr.dataset import Dataset
from videossr_trainers.failures import TrainingError
from videossr_trainers.models.identity import folder_hash
from videossr_trainers.training import provenance
from videossr_trainers.training.callbacks import StepReport
from videossr_trainers.training.checkpoints import (
    checkpoints,
    keep_newest,
    newest_whole,
    step_of,
)
from videossr_trainers.training.interrupts import (
    StopOnSignal,
    Stopped,
    StopRequest,
    leave_signals_to_parent,
    shield_workers,
)
from videossr_trainers.training.metrics import lines_of
from videossr_trainers.training.run_folder import claimed, forget_after
from videossr_trainers.training.train import train as train_here

if TYPE_CHECKING:
    from collections.abc import Callable

WARM = (
    "warm_start.steps=5",
    "warm_start.batch_size=4",
    "warm_start.save_steps=2",
    "warm_start.warmup_steps=1",
    "warm_start.lr_scheduler=linear",
)


#: Without an adaptive difficulty nothing is rendered before the loader does it.
FIXED = re.sub("digits: .*", "digits: {}", CONFIG)


class EndedError(Exception):
    """In the place of a kill."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration and a dataset."""
    return make_folder(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def whole(folder: Path) -> list[dict[str, Any]]:
    """What a run measures that is left alone."""
    run_here(folder, folder / "whole")
    assert multiprocessing.active_children() == []  # its loader's workers ended when it did
    return measured(folder / "whole")


@pytest.fixture(scope="module")
def four_steps(folder: Path) -> Path:
    """A run that is done after four steps; not to be written to."""
    return run_here(folder, folder / "four", "grpo.max_steps=4").parent


@pytest.fixture(scope="module")
def broken_off(folder: Path) -> Path:
    """A run that ended in its third step; not to be written to."""
    with pytest.raises(EndedError):
        run_here(folder, folder / "three", report=ends_at("grpo", 3))
    return folder / "three"


def run_here(
    folder: Path,
    run: Path,
    *overrides: str,
    resume: bool = False,
    report: Callable[..., None] = lambda *_: None,
) -> Path:
    """Train in this process."""
    config = load_config(folder / "run.yaml", overrides)
    return train_here(config, Dataset.load(folder / "dataset"), run, report, resume=resume)


def ends_at(stage: str, step: int) -> Callable[..., None]:
    """A report that ends the run after a step, before that has been written down."""

    def report(now: str, at: int, *_: object) -> None:
        if (now, at) == (stage, step):
            raise EndedError

    return report


def on_step(monkeypatch: pytest.MonkeyPatch, step: int, do: Callable[[], None]) -> None:
    """Do something when a step has been measured."""
    plain = StepReport.on_log

    def on_log(self: StepReport, *told: Any, **named: Any) -> None:  # noqa: ANN401 - transformers'
        plain(self, *told, **named)
        if told[1].global_step == step and "loss" in named["logs"]:
            do()

    monkeypatch.setattr(StepReport, "on_log", on_log)


def saved(run: Path) -> list[int]:
    """The steps of a run's checkpoints."""
    return [step_of(path) for path in checkpoints(run / "checkpoints")]


@pytest.mark.slow
def test_a_killed_run_gives_the_same_curve(
    folder: Path, tmp_path: Path, whole: list[dict[str, Any]]
) -> None:
    """Killed in its fifth step, with a loader at work, it takes that step again; no figure differs."""
    run = tmp_path / "run"
    with subprocess.Popen(train_command(folder, run), stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            path = run / "metrics.jsonl"
            if path.exists() and len(path.read_text().splitlines()) >= 4:
                process.kill()
                break
            time.sleep(0.01)
    assert process.returncode == -signal.SIGKILL
    assert not (run / "model").exists()
    train(folder, run, "--resume")
    assert whole == measured(run)
    assert len({line["difficulty/digits"] for line in whole}) > 1
    assert len({line["reward"] for line in whole}) > 2


@pytest.mark.slow
def test_two_processes_resume_in_the_second_epoch(tmp_path: Path) -> None:
    """Each process has its chance, its questions and the common difficulty back; no figure differs."""
    folder = make_folder(tmp_path)
    script = Path(__file__).with_name("resumed_processes.py")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launcher, str(script), str(folder), "6"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    whole = measured(folder / "whole")
    assert [line["step"] for line in whole] == [1, 2, 3, 4, 5, 6]
    assert whole == measured(folder / "halves")
    assert len({line["reward"] for line in whole}) > 2


@pytest.mark.parametrize("save_steps", [2, 3])
def test_a_run_goes_on_from_any_place_of_an_epoch(
    folder: Path, tmp_path: Path, whole: list[dict[str, Any]], save_steps: int
) -> None:
    """From the middle of one and from its end; every step is measured once."""
    override = f"grpo.save_steps={save_steps}"
    with pytest.raises(EndedError):
        run_here(folder, tmp_path / "run", override, report=ends_at("grpo", 5))
    assert saved(tmp_path / "run")[-1] == {2: 4, 3: 3}[save_steps]
    run_here(folder, tmp_path / "run", override, resume=True)
    assert (
        multiprocessing.active_children() == []
    )  # nor are there loaders of the epoch gone on with
    assert whole == measured(tmp_path / "run")


def test_without_a_checkpoint_the_stage_starts_over(
    folder: Path, tmp_path: Path, whole: list[dict[str, Any]]
) -> None:
    """So does a folder that is not there yet: a cluster may always pass --resume."""
    with pytest.raises(EndedError):
        run_here(folder, tmp_path / "run", resume=True, report=ends_at("grpo", 2))
    assert saved(tmp_path / "run") == []
    run_here(folder, tmp_path / "run", resume=True)
    assert whole == measured(tmp_path / "run")


def test_the_warm_start_resumes_and_is_not_repeated(folder: Path, tmp_path: Path) -> None:
    """It goes on from its own checkpoints; once it is over, GRPO begins at once."""
    run_here(folder, tmp_path / "whole", *WARM)
    run, taken = tmp_path / "run", []
    with pytest.raises(EndedError):
        run_here(folder, run, *WARM, report=ends_at("warm start", 5))
    assert [step_of(path) for path in checkpoints(run / "warm_start_checkpoints")] == [4]
    with pytest.raises(EndedError):
        run_here(folder, run, *WARM, resume=True, report=ends_at("grpo", 1))
    assert not (run / "warm_start_checkpoints").exists()
    (run / "warm_start_checkpoints").mkdir()  # as a kill leaves it right after the stage
    run_here(folder, run, *WARM, resume=True, report=lambda *told: taken.append(told[:2]))
    assert not (run / "warm_start_checkpoints").exists()
    assert taken == [("grpo", step) for step in range(1, 7)]
    lines = measured(run)
    assert measured(tmp_path / "whole") == lines
    rates = [line["learning_rate"] for line in lines if line["stage"] == "warm start"]
    assert [0, 1e-3, 7.5e-4, 5e-4, 2.5e-4] == pytest.approx(rates)


def test_a_run_without_a_step_ends_with_the_warm_start(folder: Path, tmp_path: Path) -> None:
    """Its model is that of the warm start; given steps it goes on from there, warmed up no more."""
    run, taken = tmp_path / "run", []
    short = ("warm_start.steps=1", "grpo.questions_per_step=64")  # more than there are
    assert run / "model" == run_here(folder, run, *short, "grpo.max_steps=0")
    first, last = (run / name / "model.safetensors" for name in ("warm_start", "model"))
    assert first.read_bytes() == last.read_bytes()
    run_here(folder, run, *short, "grpo.max_steps=0", resume=True)
    more = tmp_path / "more"
    run_here(folder, more, "warm_start.steps=1", "grpo.max_steps=0")
    report: Callable[..., None] = lambda *told: taken.append(told[:2])  # noqa: E731
    run_here(folder, more, "warm_start.steps=1", "grpo.max_steps=2", resume=True, report=report)
    assert [("grpo", 1), ("grpo", 2)] == taken


def test_a_checkpoint_that_is_not_whole_is_passed_over(tmp_path: Path) -> None:
    """A file that is missing or cut short, or no manifest: the one before counts, and it is said."""
    first, second, third = (checkpoint(tmp_path, step) for step in (1, 2, 3))
    assert newest_whole(tmp_path) == third
    (third / "whole.json").unlink()
    (second / "weights").write_text("some we")
    with pytest.warns(UserWarning, match="passed over") as told:
        assert newest_whole(tmp_path) == first
    assert [str(warning.message).removeprefix(str(tmp_path)) for warning in told] == [
        "/checkpoint-3: passed over, it has no whole.json, which is written last",
        "/checkpoint-2: passed over, weights has 7 bytes, and should have 12 bytes",
    ]
    (first / "weights").unlink()
    with pytest.warns(UserWarning, match="passed over") as told:
        assert newest_whole(tmp_path) is None
    assert str(told[-1].message).endswith("weights is missing, and should have 12 bytes")


def checkpoint(folder: Path, step: int) -> Path:
    """A checkpoint that is whole, of a single file."""
    made = folder / f"checkpoint-{step}"
    made.mkdir()
    (made / "weights").write_text("some weights")
    (made / "whole.json").write_text(json.dumps({"processes": 1, "files": {"weights": 12}}))
    return made


def test_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    """By their step; the tenth is newer than the ninth, and one that is not whole is none."""
    for step in (9, 2, 11):
        checkpoint(tmp_path, step)
    (tmp_path / "checkpoint-11" / "weights").write_text("some we")
    keep_newest(tmp_path, 2, checkpoint(tmp_path, 10))
    assert [step_of(path) for path in checkpoints(tmp_path)] == [9, 10]


def test_the_checkpoint_that_was_just_written_is_kept(tmp_path: Path) -> None:
    """Whatever else has come to be there."""
    for step in (200, 300):
        checkpoint(tmp_path, step)
    keep_newest(tmp_path, 1, checkpoint(tmp_path, 100))
    assert [step_of(path) for path in checkpoints(tmp_path)] == [100]


def test_a_damaged_checkpoint_does_not_outlive_the_ones_after_it(
    folder: Path, tmp_path: Path
) -> None:
    """The only one is damaged, so the stage starts over: the next to be whole is the one that is kept."""
    run, one = tmp_path / "run", "grpo.keep_checkpoints=1"
    with pytest.raises(EndedError):
        run_here(folder, run, one, report=ends_at("grpo", 5))
    assert [4] == saved(run)
    (run / "checkpoints" / "checkpoint-4" / "model.safetensors").write_bytes(b"half")
    with (
        pytest.warns(UserWarning, match="checkpoint-4: passed over"),
        pytest.raises(EndedError),
    ):
        run_here(folder, run, one, resume=True, report=ends_at("grpo", 3))
    assert run / "checkpoints" / "checkpoint-2" == newest_whole(run / "checkpoints")
    assert [2] == saved(run)


def test_a_checkpoint_that_is_being_written_has_no_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: list[dict[str, Any]]
) -> None:
    """An end in the middle of writing the second leaves the first, and rubbish that the next run clears."""
    plain, calls = Trainer._save_rng_state, []

    def save(self: Trainer, output: str) -> None:
        calls.append(output)
        if len(calls) == 2:
            raise EndedError
        plain(self, output)

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_save_rng_state", save)
        with pytest.raises(EndedError):
            run_here(folder, run, "grpo.keep_checkpoints=1")
    assert saved(run) == [2]
    assert (run / "checkpoints" / ".unfinished" / "checkpoint-4").exists()
    run_here(folder, run, resume=True)
    assert not (run / "checkpoints" / ".unfinished").exists()
    assert saved(run) == [4, 6]
    assert whole == measured(run)


def test_a_full_disk_ends_the_run_and_leaves_the_last_checkpoint(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: list[dict[str, Any]]
) -> None:
    """The file and the free bytes are named; with room again the run goes on as if nothing had been."""
    plain = torch.save

    def save(value: object, file: object, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        if str(file).endswith("checkpoint-4/optimizer.pt"):
            Path(str(file)).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        plain(value, file, *arguments, **named)

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", save)
        with pytest.raises(
            TrainingError,
            match=r"checkpoint-4/optimizer.pt: cannot be written \(No space left on device; [\d,]+ bytes "
            r"are free there\); .*checkpoint-2 is whole; make room, and go on with --resume",
        ):
            run_here(folder, run, "grpo.keep_checkpoints=1")
    assert saved(run) == [2]
    run_here(folder, run, resume=True)
    assert whole == measured(run)


def test_a_full_disk_under_the_metrics_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error comes from the file's end, which knows no name."""
    plain = Path.open

    def full(self: Path, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - an open file
        if self.name == "metrics.jsonl" and arguments == ("a",):
            raise OSError(errno.ENOSPC, "No space left on device")
        return plain(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(TrainingError, match=r"run/metrics.jsonl: cannot be written \(No space"):
        run_here(folder, tmp_path / "run")


def test_a_line_that_a_full_disk_cut_off_is_none(tmp_path: Path) -> None:
    """Wherever it was cut, in the middle of a character too; the step's own is written again."""
    whole = [{"stage": "warm start", "step": 1, "loss": 2.0}, {"stage": "grpo", "step": 1}]
    text = "".join(json.dumps(line) + "\n" for line in whole)
    torn = json.dumps({"stage": "grpo", "step": 2, "model": "\u00e9"}, ensure_ascii=False).encode()
    for end in range(1, len(torn)):
        (tmp_path / "metrics.jsonl").write_bytes(text.encode() + torn[:end])
        assert lines_of(tmp_path, "warm start") == whole[:1]
        assert lines_of(tmp_path, "grpo") == whole[1:]
        forget_after(tmp_path, "grpo", 1)
        assert (tmp_path / "metrics.jsonl").read_text() == text


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_step_and_saves(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    whole: list[dict[str, Any]],
    number: int,
    code: int,
) -> None:
    """The line that goes on is told, and can be followed."""
    run = tmp_path / "run"
    words = train_command(folder, run)[3:]
    monkeypatch.setattr(sys, "argv", ["videossr", *words])
    with monkeypatch.context() as patch:
        on_step(patch, 2, lambda: os.kill(os.getpid(), number))
        with pytest.raises(SystemExit) as stop:
            main(words)
    assert code == stop.value.code
    told = capfd.readouterr().err
    assert "stopping after this step; a second signal stops at once" in told
    (line,) = [one for one in told.splitlines() if "go on with" in one]
    assert line == (
        f"stopped at step 3 of 6 (grpo); go on with: videossr {shlex.join(words)} --resume"
    )
    assert [2, 3] == saved(run)
    assert 3 == len(measured(run))
    with pytest.raises(SystemExit) as stop:
        main([*words, "--resume"])
    assert not stop.value.code
    assert whole == measured(run)


@pytest.mark.slow
def test_a_signal_to_the_whole_group_leaves_the_loaders_alive(folder: Path, tmp_path: Path) -> None:
    """As Ctrl-C on a terminal sends it, and a scheduler: the step can be finished."""
    run = tmp_path / "run"
    command = train_command(folder, run, "grpo.max_steps=500", "grpo.save_steps=0")
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as one:
        while not (run / "metrics.jsonl").exists():
            time.sleep(0.05)
        os.killpg(one.pid, signal.SIGTERM)
        _, told = one.communicate()
    assert 143 == one.returncode, told
    assert [len(measured(run))] == saved(run)
    assert f"stopped at step {saved(run)[0]} of 500 (grpo)" in told


def test_a_second_signal_stops_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two within two seconds are one, sent to a process and passed on by its launcher."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest() as request:
        with pytest.raises(SystemExit):  # there is no step to finish yet
            os.kill(os.getpid(), signal.SIGTERM)
        request.may_finish = True
        os.kill(os.getpid(), signal.SIGTERM)
        now = 101.0
        os.kill(os.getpid(), signal.SIGTERM)
        assert request.agreed()
        now = 103.0
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert before == signal.getsignal(signal.SIGTERM)


def test_a_signal_stops_at_once_where_no_step_is_in_hand() -> None:
    """During the preflight, which a stage begins with, and while the next stage's model is loaded."""
    arguments = TrainingArguments(report_to=[])
    told = (arguments, TrainerState(), TrainerControl())
    with StopRequest() as request:
        stop = StopOnSignal(request)
        for _ in ("warm start", "grpo"):
            stop.on_train_begin(*told)
            with pytest.raises(SystemExit):
                os.kill(os.getpid(), signal.SIGTERM)
            stop.on_step_begin(*told)
            assert request.may_finish
            stop.on_train_end(*told)
        with pytest.raises(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)
        stop.on_step_begin(*told)
        os.kill(os.getpid(), signal.SIGTERM)
        assert request.agreed()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere loaders are spawned")
def test_loaders_are_forked_whatever_python_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.14 starts them from a server, with threads of libraries that take signals."""
    loader: DataLoader[Any] = DataLoader([7, 8], num_workers=1)
    monkeypatch.setattr(
        multiprocessing.context.DefaultContext, "get_start_method", lambda *_, **__: "forkserver"
    )
    shield_workers(loader)
    assert loader.multiprocessing_context.get_start_method() == "fork"
    assert isinstance(iter(loader)._workers[0], multiprocessing.context.ForkProcess)
    alone: DataLoader[Any] = DataLoader([7, 8])
    shield_workers(alone)
    assert [7, 8] == [int(batch) for batch in alone]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_loader_minds_the_training_process_alone(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another's SIGTERM passes it by and its own trainer's ends it, also where a fork server begot it."""
    # A thread that a library starts on import, before the loader begins, takes signals all the same.
    for library in ("OMP", "OPENBLAS", "MKL"):
        monkeypatch.setenv(f"{library}_NUM_THREADS", "1")
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, context, initializer=leave_signals_to_parent) as pool:
        loader = pool.submit(os.getpid).result()
        sent = f"import os; os.kill({loader}, {signal.SIGTERM:d})"
        subprocess.run([sys.executable, "-c", sent], check=True)
        assert 3 == pool.submit(abs, -3).result()
        rest = pool.submit(time.sleep, 10)
        os.kill(loader, signal.SIGTERM)
        with pytest.raises(BrokenProcessPool):
            rest.result()


def test_a_stop_during_the_warm_start_saves_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the stage."""
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        on_step(patch, 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(Stopped, match=r"stopped at step 3 of 5 \(warm start\)"):
            run_here(folder, run, *WARM)
    assert (
        newest_whole(run / "warm_start_checkpoints") == run / "warm_start_checkpoints/checkpoint-3"
    )


def test_a_stop_in_the_last_step_of_the_warm_start_acts_before_grpo(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the stage has learnt is saved, and the run goes on with the next one."""
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        on_step(patch, 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(Stopped, match=r"stopped at step 5 of 5 \(warm start\)"):
            run_here(folder, run, *WARM)
    assert (run / "warm_start" / "model.safetensors").exists()
    assert {line["stage"] for line in measured(run)} == {"warm start"}


def test_no_model_card_speaks_of_the_library(folder: Path, whole: list[dict[str, Any]]) -> None:
    """TRL's knows neither the dataset nor the questions; ours stands in its place."""
    assert whole
    cards = list((folder / "whole").rglob("README.md"))
    assert folder / "whole" / "model" / "README.md" in cards
    for card in cards:
        assert "digits" in card.read_text()
        assert "generated_from_trainer" not in card.read_text()


def test_another_run_is_not_resumed(folder: Path, broken_off: Path, tmp_path: Path) -> None:
    """Every difference is listed, and nothing is written; what leaves the result as it is may differ."""
    run = shutil.copytree(broken_off, tmp_path / "run")
    before = (run / "config.yaml").read_bytes()
    changed = ("seed=1", "grpo.beta=0.5", "grpo.max_steps=5", "grpo.loader_workers=0")
    with pytest.raises(ConfigError) as raised:
        run_here(folder, run, *changed, resume=True)
    places = [mistake.where for mistake in raised.value.mistakes]
    assert places == ["grpo.beta", "grpo.loader_workers", "grpo.max_steps", "seed"]
    assert "grpo.max_steps: 5 here, 6 in the run; may only grow" in str(raised.value)
    facts = json.loads((run / "provenance.json").read_text())
    facts["dataset"]["digest"] = "0" * 32
    facts["plugins"]["digits"]["plugin_version"] = "0"
    (run / "provenance.json").write_text(json.dumps(facts))
    with pytest.raises(ConfigError) as raised:
        run_here(folder, run, resume=True)
    assert [m.where for m in raised.value.mistakes] == ["plugin digits", "dataset"]
    assert before == (run / "config.yaml").read_bytes()


@pytest.mark.parametrize("overrides", [(), ("model.lora={rank: 2}", "grpo.beta=0")])
def test_a_run_does_not_go_on_from_another_model(
    folder: Path, tmp_path: Path, tiny_folder: Path, overrides: tuple[str, ...]
) -> None:
    """One in the folder of that which it began with: neither under its adapter, nor as its reference."""
    base, run = tmp_path / "base", tmp_path / "run"
    shutil.copytree(tiny_folder, base)
    named = (f"model.name={base}", *overrides)
    with pytest.raises(EndedError):
        run_here(folder, run, *named, report=ends_at("grpo", 3))
    first = folder_hash(base)
    weights = safetensors.torch.load_file(base / "model.safetensors")
    retrained = {name: one + 1 for name, one in weights.items()}
    safetensors.torch.save_file(retrained, base / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConfigError) as raised:
        run_here(folder, run, *named, resume=True)
    (mistake,) = raised.value.mistakes
    assert "model.name" == mistake.where
    assert f"{folder_hash(base)} here, {first} in the run" in mistake.problem


def test_a_run_that_was_warmed_up_needs_the_first_model_no_more(
    folder: Path, tmp_path: Path, tiny_folder: Path
) -> None:
    """It has its own copy to go on from."""
    base, run = tmp_path / "base", tmp_path / "run"
    shutil.copytree(tiny_folder, base)
    named = (f"model.name={base}", "warm_start.steps=1", "grpo.max_steps=2")
    with pytest.raises(EndedError):
        run_here(folder, run, *named, report=ends_at("grpo", 1))
    shutil.rmtree(base)
    assert run / "model" == run_here(folder, run, *named, resume=True)


def test_every_attempt_has_its_commit_and_its_first_step(
    folder: Path, broken_off: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other code that goes on is warned of, and the card names both; an older run has no attempts."""
    run, path = tmp_path / "run", tmp_path / "run" / "provenance.json"
    shutil.copytree(broken_off, run)
    facts = json.loads(path.read_text())
    assert [{"stage": "grpo", "step": 1, "commit": facts["commit"]}] == facts["attempts"]
    monkeypatch.setattr(provenance, "source_of", lambda: "beef-dirty")
    warned = f"the code is of commit beef-dirty, and was of {facts['commit']} in the run before"
    with pytest.raises(EndedError), pytest.warns(UserWarning, match=warned):
        run_here(folder, run, resume=True, report=ends_at("grpo", 5))
    monkeypatch.undo()
    told = json.loads(path.read_text())
    assert [(1, facts["commit"]), (3, "beef-dirty")] == [
        (one["step"], one["commit"]) for one in told["attempts"]
    ]
    older = {name: fact for name, fact in facts.items() if name not in {"attempts", "model"}}
    path.write_text(json.dumps(older | {"commit": "cafe"}))
    with pytest.warns(UserWarning, match=r"and was of cafe in the run before"):
        run_here(folder, run, resume=True)
    card = (run / "model" / "README.md").read_text()
    assert f"- videossr at commit cafe, {facts['commit']} from step 5 (grpo) on\n" in card


def test_a_folder_in_use_is_refused(folder: Path, tmp_path: Path) -> None:
    """Without --resume; with it where no run is; and while another run is at work in it."""
    run = tmp_path / "run"
    refused = []

    def report(*_: object) -> None:
        again = [*train_command(folder, run), "--resume"]
        done = subprocess.run(again, capture_output=True, text=True, check=False)
        refused.append((done.returncode, done.stderr.splitlines()[-1]))

    run_here(folder, run, "grpo.max_steps=1", report=report)
    right = "another run is at work in it; wait for it, or choose another folder"
    assert [(2, f"error: {run}: {right}")] == refused
    with pytest.raises(ConfigError, match=r"is not empty; add --resume to go on with"):
        run_here(folder, run)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.png").touch()
    with pytest.raises(ConfigError, match="holds no run to resume"):
        run_here(folder, tmp_path / "photos", resume=True)


def test_a_mistake_leaves_no_folder(folder: Path, tmp_path: Path) -> None:
    """A model that is not there: the same command can be given again, mended."""
    with pytest.raises(ConfigError, match=r"model\.name"):
        run_here(folder, tmp_path / "run", f"model.name={tmp_path}/nowhere")
    assert not (tmp_path / "run").exists()


def test_what_is_not_of_the_run_stays(folder: Path, tmp_path: Path) -> None:
    """A run that ends before its first step takes away what it has brought, and nothing else."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "download.unfinished").write_text("somebody else's")
    with pytest.raises(ConfigError, match=r"model\.name"):
        run_here(folder, run, f"model.name={tmp_path}/nowhere")
    assert [path.name for path in run.iterdir()] == ["download.unfinished"]


def test_another_run_in_the_place_of_an_unused_one_starts_from_its_own_model(
    folder: Path, tmp_path: Path
) -> None:
    """A kill before the first step leaves the model that the run was to start from."""
    run, dataset = tmp_path / "run", Dataset.load(folder / "dataset")
    with claimed(load_config(folder / "run.yaml"), dataset, run, resume=False):
        (run / "start").mkdir()
        (run / ".model.unfinished").mkdir()
    with claimed(load_config(folder / "run.yaml", ["seed=1"]), dataset, run, resume=False):
        assert not (run / "start").exists()


def test_a_finished_run_takes_no_step_unless_it_is_given_more(
    folder: Path, four_steps: Path, tmp_path: Path, whole: list[dict[str, Any]]
) -> None:
    """A requeued job that was done ends at once; with more steps it goes on from its last."""
    run = shutil.copytree(four_steps, tmp_path / "run")
    taken: list[tuple[str, int]] = []

    def report(stage: str, step: int, *_: object) -> None:
        taken.append((stage, step))

    assert run / "model" == run_here(folder, run, "grpo.max_steps=4", resume=True, report=report)
    assert taken == []
    run_here(folder, run, resume=True, report=report)
    assert taken == [("grpo", 5), ("grpo", 6)]
    assert [line["loss"] for line in whole] == [line["loss"] for line in measured(run)]


def test_a_run_that_is_broken_off_in_its_extension_is_resumed(
    folder: Path, four_steps: Path, tmp_path: Path, whole: list[dict[str, Any]]
) -> None:
    """Its old model goes before the first further step, so that nobody takes it for the new one."""
    run = shutil.copytree(four_steps, tmp_path / "run")
    with pytest.raises(EndedError):
        run_here(folder, run, resume=True, report=ends_at("grpo", 6))
    assert [5, 4] == [measured(run)[-1]["step"], saved(run)[-1]]
    assert not (run / "model").exists()
    run_here(folder, run, resume=True)
    assert [line["loss"] for line in whole] == [line["loss"] for line in measured(run)]
    last = run / "checkpoints" / "checkpoint-6" / "model.safetensors"
    assert last.read_bytes() == (run / "model" / "model.safetensors").read_bytes()
    assert not (run / ".unfinished").exists()


def test_a_model_that_was_not_written_is_made_from_the_last_checkpoint(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An end between the last step and the model costs no step; transformers alone would take one more."""

    def end(*_: object) -> None:
        raise EndedError

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("videossr_trainers.training.train.save_whole_model", end)
        with pytest.raises(EndedError):
            run_here(folder, run, "grpo.max_steps=2")
    assert not (run / "model").exists()
    taken: list[int] = []
    run_here(
        folder,
        run,
        "grpo.max_steps=2",
        resume=True,
        report=lambda _, step, *__: taken.append(step),
    )
    assert taken == []
    last = run / "checkpoints" / "checkpoint-2" / "model.safetensors"
    assert last.read_bytes() == (run / "model" / "model.safetensors").read_bytes()


def poisoned(monkeypatch: pytest.MonkeyPatch, *steps: int) -> None:
    """Make gradients NaN in these steps."""
    plain = Trainer.training_step

    def step(self: Trainer, model: torch.nn.Module, *arguments: object) -> torch.Tensor:
        loss: torch.Tensor = plain(self, model, *arguments)
        if self.state.global_step + 1 in steps:
            next(p.grad for p in model.parameters() if p.grad is not None)[0] = float("nan")
        return loss

    monkeypatch.setattr(Trainer, "training_step", step)


def test_a_step_that_is_not_finite_is_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told and counted, the counts survive a resume, and no weight is moved by it."""
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        poisoned(patch, 2)
        with pytest.warns(
            UserWarning, match=r"step 2: .* is not finite, in digits \d+ \(video .*, seed \d+\)"
        ):
            run_here(
                folder, run, "grpo.save_steps=1", "grpo.max_steps=2", "grpo.keep_checkpoints=null"
            )
    one, two = (
        torch.load(run / "checkpoints" / f"checkpoint-{step}" / "optimizer.pt") for step in (1, 2)
    )
    assert one["state"][0]["step"] == two["state"][0]["step"]
    weights = [run / "checkpoints" / f"checkpoint-{n}" / "model.safetensors" for n in (1, 2)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    run_here(folder, run, "grpo.max_steps=3", resume=True)
    assert [0, 1, 1] == [line["nonfinite_steps"] for line in measured(run)]
    assert ["grad_norm" in line for line in measured(run)] == [True, False, True]


def test_too_many_of_them_end_the_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a row: with one between them that is finite, they count anew."""
    poisoned(monkeypatch, 1, 3, 4)
    with (
        pytest.warns(UserWarning, match="the step is left out"),
        pytest.raises(
            TrainingError, match=r"step 4: .*, in digits \d+ \(.*2 such steps are in a row"
        ),
    ):
        run_here(folder, tmp_path / "run", "grpo.max_nonfinite_steps=2")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_plugins_error_names_the_culprit_wherever_it_was_raised(
    tmp_path: Path, workers: int
) -> None:
    """The same words out of a loader's process as out of this one, and no traceback in them."""
    folder = make_folder(tmp_path, FIXED)
    code = folder / "loose" / "digits.py"
    failing = 'raise KeyError("no digit")\n        return Sample('
    code.write_text(code.read_text().replace("return Sample(", failing))
    with (
        pytest.warns(UserWarning, match="has changed since the dataset was built"),
        pytest.raises(PluginError) as raised,
    ):
        run_here(folder, tmp_path / "run", f"grpo.loader_workers={workers}")
    assert (raised.value.plugin, raised.value.hook) == ("digits", "make_sample")
    assert str(raised.value).endswith("raised KeyError: 'no digit'")
    assert "video procedural_000" in str(raised.value)
    assert ", seed " in str(raised.value)
    assert 1 == len(str(raised.value).splitlines())


@pytest.mark.filterwarnings("ignore:.*the next is asked instead")
def test_a_video_that_vanishes_is_stood_in_for(tmp_path: Path) -> None:
    """And counted, up to the stated share of the questions; then the run ends."""
    folder = make_folder(tmp_path, FIXED)
    next((folder / "videos").glob("*.mp4")).unlink()
    run_here(folder, tmp_path / "run", "grpo.max_steps=2", "grpo.max_lost_share=0.5")
    lines = measured(tmp_path / "run")
    # By hand: a step asks four questions.
    assert lines[-1]["lost_questions"] == sum(4 * line["substituted/digits"] for line in lines) > 0
    with pytest.raises(TrainingError, match=r"of 16 questions are lost .*grpo.max_lost_share=0.05"):
        run_here(folder, tmp_path / "other")


def test_a_video_that_changes_ends_the_run(tmp_path: Path) -> None:
    """It would be another question under the same name; the message comes whole out of the loader."""
    folder = make_folder(tmp_path)
    videos = sorted((folder / "videos").glob("*.mp4"))

    def report(_: str, step: int, *__: object) -> None:
        if step == 1:
            for video in videos:
                video.write_bytes(video.read_bytes() + b"more")

    with pytest.raises(VideoError, match="is another file than when it was scanned"):
        run_here(folder, tmp_path / "run", "grpo.max_steps=30", report=report)
