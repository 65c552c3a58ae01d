"""A GRPO step on video: the prompt of a group once, against once for each of its answers.

    uv run python benchmarks/grpo_step.py          # several repetitions: --repeat 5

One question of 48 frames of 256 x 256 and about 1,780 tokens, 8 answers of 8 tokens, gradient
checkpointing on, a Qwen3-VL of random weights wide enough that its matrices are what costs. The trainer's
own methods do the work, in one process and one thread, both paths in turn within each repetition:

* generation: 8 answers from one seed.
* reference: log-probabilities of 8 answers, the same for all paths, under the reference.
* update: their loss, KL term included, forward and backward.
* step: the three together and the optimizer's step, which all have.

The work is checked first: the same answers from the same seed where they are drawn in one batch; of all paths
log-probabilities within 1e-5, and the gradient of each tensor within 1e-5 of the repeated path's by the norm of
their difference, none of its entries further off than 1e-4 of the largest. Peak memory of an update is measured in
a process of its own for each path, above what the process held before. The data path is what one question costs to
render from a video and to encode. Prints medians of CPU seconds, and last how many times cheaper the step is.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import torch
from datasets import Dataset as Questions
from rich.console import Console
from rich.table import Table
from transformers.utils import logging
from trl import GRPOConfig

from videossr import Clip, Sample
from videossr.build import build
from videossr.config import load_config
from videossr.procedural import write_videos
from videossr.render import Renderer
from videossr.sample import question_prompt
from videossr.scan import scan
from videossr.threads import one_torch_thread
from videossr_trainers.engine.grpo import VideoGRPOTrainer
from videossr_trainers.models.load import load_model
from videossr_trainers.models.tiny import make_model, make_processor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

N, ANSWER, FRAMES, SIDE = 8, 8, 48, 256


class Way(NamedTuple):
    """How a group is worked off."""

    shared: bool
    rows: int  # at a time


PATHS = {"repeated": Way(False, N), "one by one": Way(False, 1), "shared": Way(True, N)}
PEERS = ("repeated", "one by one")
#: The most that values of the two paths may differ, relative to their size.
TOLERANCE: Final = 1e-5
#: And one entry of a gradient, relative to the largest of its tensor: a single wrong one would be lost in
#: the norm of many.
ENTRY_TOLERANCE: Final = 1e-4
PARTS = ("generation", "reference", "update", "optimizer")
#: With it the prompt has 1,779 tokens or so, as a question of the paper.
QUESTION = "When does the altered part begin and end? Answer in seconds, as in 14.5-26.2."


def cpu(work: Callable[[], Any]) -> tuple[Any, float]:
    """What work returns, and the CPU seconds that this process spent on it."""
    before = time.process_time()
    done = work()
    return done, time.process_time() - before


class Peak:
    """The most memory that the process holds within a `with`, in MiB above what it held before."""

    def __enter__(self) -> Self:
        self._least = self._most = self._resident()
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watch.join()
        self.mib = (self._most - self._least) / 2**20

    def _look(self) -> None:
        while not self._done.wait(0.003):
            self._most = max(self._most, self._resident())

    @staticmethod
    def _resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def save_model(folder: Path) -> None:
    """A Qwen3-VL of some 7 million weights, whose layers weigh more than its head."""
    processor = make_processor([QUESTION])
    processor.save_pretrained(folder)
    model = make_model(
        processor.tokenizer, hidden=256, layers=4, heads=4, vision_depth=4, vision_hidden=192
    )
    model.save_pretrained(folder)


def question() -> Sample:
    """Noise at two frames a second, and a question about it."""
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (FRAMES, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)
    clip = Clip(frames, torch.arange(FRAMES, dtype=torch.float64) / 2)
    return Sample(question_prompt(None, QUESTION), (clip,), "1.0-2.0")


def digits(completions: list[list[dict[str, str]]], **_: object) -> list[float]:
    """A reward that varies."""
    return [float(sum(map(str.isdigit, one[0]["content"]))) for one in completions]


def make_trainer(folder: Path) -> VideoGRPOTrainer:
    """A trainer as a run has it, with answers of a fixed length."""
    model, processor = load_model(str(folder))
    ends = [processor.tokenizer.eos_token_id, processor.tokenizer.pad_token_id]
    trainer = VideoGRPOTrainer(
        model=model,
        processing_class=processor,
        reward_funcs=digits,
        train_dataset=Questions.from_dict({"prompt": [""]}),
        args=GRPOConfig(
            output_dir=str(folder / "run"),
            num_generations=N,
            per_device_train_batch_size=N,
            max_completion_length=ANSWER,
            generation_kwargs={"min_new_tokens": ANSWER, "eos_token_id": ends},
            beta=1e-3,
            gradient_checkpointing=True,
            gradient_checkpointing_kwargs={"use_reentrant": False},
            bf16=False,
            use_cpu=True,
            report_to=[],
            disable_tqdm=True,
        ),
    )
    trainer.model.gradient_checkpointing_enable({"use_reentrant": False})
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    trainer._rows = trainer.encoder.encode([question()]) * N  # noqa: SLF001
    return trainer


class Step:
    """The parts of a step by any path."""

    def __init__(self, trainer: VideoGRPOTrainer) -> None:
        self.trainer = trainer
        self.rows = list(trainer._rows)  # noqa: SLF001
        self.prompt = self.rows[0].input_ids.expand(N, -1)
        self.optimizer = torch.optim.AdamW(trainer.model.parameters(), lr=1e-6)

    def parts(self, way: Way) -> list[slice]:
        """The rows that are worked off together; the trainer is told how."""
        self.trainer.shared_prefix = way.shared
        return [slice(start, start + way.rows) for start in range(0, N, way.rows)]

    def generation(self, way: Way) -> torch.Tensor:
        """The answers, [N, C]."""
        torch.manual_seed(1)
        answers: list[list[int]] = []
        for part in self.parts(way):
            self.trainer._rows = self.rows[part]  # noqa: SLF001
            answers += self.trainer._generate_single_turn()[0]  # noqa: SLF001
        return torch.tensor(answers)

    def reference(self, way: Way, answers: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of the answers under the reference, [N, C]."""
        self.parts(way)
        self.trainer._rows = self.rows  # noqa: SLF001
        ids = torch.cat([self.prompt, answers], 1)
        with torch.no_grad():
            return self.trainer._get_per_token_logps_and_entropies(  # noqa: SLF001
                self.trainer.ref_model, ids, torch.ones_like(ids), ANSWER, batch_size=way.rows
            )[0]

    def update(
        self, way: Way, answers: torch.Tensor, reference: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The gradients of the loss, by name of the weight; of several parts they are added up."""
        model = self.trainer.model
        model.zero_grad(set_to_none=True)
        advantages = torch.linspace(-1, 1, N)
        for part in self.parts(way):
            batch = {
                "encoded_prompts": self.rows[part],
                "prompt_ids": self.prompt[part],
                "prompt_mask": torch.ones_like(self.prompt[part]),
                "completion_ids": answers[part],
                "completion_mask": torch.ones_like(answers[part]),
                "advantages": advantages[part],
                "ref_per_token_logps": reference[part],
                "old_per_token_logps": None,
                "num_items_in_batch": torch.tensor(answers.numel()),
            }
            self.trainer._compute_loss(model, batch).backward()  # noqa: SLF001
        return {name: w.grad for name, w in model.named_parameters() if w.grad is not None}

    def run(
        self, way: Way, answers: torch.Tensor | None = None
    ) -> tuple[dict[str, float], tuple[Any, Any, Any]]:
        """CPU seconds of each part, and the answers, reference and gradients.

        Args:
            way: how.
            answers: that are scored; by default those that are drawn.
        """
        drawn, generation = cpu(lambda: self.generation(way))
        scored = drawn if answers is None else answers
        reference, scoring = cpu(lambda: self.reference(way, scored))
        gradients, update = cpu(lambda: self.update(way, scored, reference))
        kept = {name: gradient.clone() for name, gradient in gradients.items()}
        spent = cpu(self.optimizer.step)[1]
        return dict(zip(PARTS, (generation, scoring, update, spent), strict=True)), (
            drawn,
            reference,
            kept,
        )


def check(step: Step) -> tuple[torch.Tensor, float, float]:
    """Refuse to go on unless all paths do the same work.

    Returns:
        The answers, [N, C], and how far gradients are apart at most, and entries of them.
    """
    for group in step.optimizer.param_groups:
        group["lr"] = 0.0  # all from the same weights
    answers, expected, wanted = step.run(PATHS["repeated"])[1]
    apart = [compared(step, path, answers, expected, wanted) for path in ("one by one", "shared")]
    distance, entry = (max(several) for several in zip(*apart, strict=True))
    return answers, distance, entry


def compared(
    step: Step,
    path: str,
    answers: torch.Tensor,
    expected: torch.Tensor,
    wanted: dict[str, torch.Tensor],
) -> tuple[float, float]:
    """How far the gradients of a path are off, and entries of them.

    Raises:
        SystemExit: too far, or something else differs.
    """
    drawn, logps, gradients = step.run(PATHS[path], answers)[1]
    # Row by row the same chance goes to other tokens.
    if PATHS[path].rows == N and not torch.equal(answers, drawn):
        raise SystemExit(f"{path}: samples different answers")
    if float((logps - expected).abs().max()) > TOLERANCE * float(expected.abs().max()):
        raise SystemExit(f"{path}: gives different log-probabilities")
    if gradients.keys() != wanted.keys():
        raise SystemExit(f"{path}: gives gradients to different weights")
    # Tensor by tensor: over all at once, the large gradients would hide errors in small ones.
    off = {name: gradients[name] - gradient for name, gradient in wanted.items()}
    distance = max(
        float(off[name].norm() / gradient.norm().clamp(min=1e-30))
        for name, gradient in wanted.items()
    )
    entry = max(
        float(off[name].abs().max() / gradient.abs().max().clamp(min=1e-30))
        for name, gradient in wanted.items()
    )
    if not (distance <= TOLERANCE and entry <= ENTRY_TOLERANCE):
        raise SystemExit(f"{path}: gives different gradients: {distance:.1e}, {entry:.1e} apart")
    return distance, entry


def peak_of_update(folder: Path, path: str) -> None:
    """Print the memory of one update; in a process of its own."""
    step = Step(make_trainer(folder))
    answers = torch.randint(0, 250, (N, ANSWER), generator=torch.Generator().manual_seed(0))
    with Peak() as peak:
        step.update(PATHS[path], answers, torch.zeros(N, ANSWER))
    print(peak.mib)


def measured_peak(folder: Path, path: str) -> float:
    """MiB that an update takes above what stood before."""
    command = [sys.executable, __file__, "--peak", path, "--model", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def data_path(step: Step, folder: Path, repeat: int) -> Mapping[str, float]:
    """CPU seconds to render a question of 48 frames from 20 s of 720p, and to encode it."""
    write_videos(folder, 2, seed=0, seconds=20, fps=25, height=720, width=1280)
    config = load_config("paper", ["build.size=5", "build.check=true"])
    rows = list(scan(folder, check="ends"))
    recipes = build(config, rows, folder).recipes
    spent: dict[str, list[float]] = {"render": [], "encode": []}
    for _ in range(repeat):
        for recipe in recipes:
            sample, seconds = cpu(lambda r=recipe: Renderer(config, folder).render(r))
            spent["render"].append(seconds)
            spent["encode"].append(cpu(lambda s=sample: step.trainer.encoder.encode([s]))[1])
    return {name: statistics.median(times) for name, times in spent.items()}


def main() -> None:
    """Check, measure, and print."""
    parser = argparse.ArgumentParser(description="A step with shared prefix against one without.")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peak", choices=PATHS, help="print the memory of an update, and end")
    parser.add_argument("--model", type=Path, help="with --peak: the model's folder")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with one_torch_thread():
        if arguments.peak:
            peak_of_update(arguments.model, arguments.peak)
            return
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), arguments.repeat)


def measure(folder: Path, repeat: int) -> None:
    """Everything, in turn."""
    save_model(folder / "model")
    step = Step(make_trainer(folder / "model"))
    answers, distance, entry = check(step)
    console = Console(width=120, file=sys.stdout)
    weights = sum(weight.numel() for weight in step.trainer.model.parameters()) / 1e6
    console.print(
        f"{weights:.1f} million weights, {step.prompt.shape[1]} tokens of prompt, {N} answers of "
        f"{ANSWER}; gradients at most {distance:.1e} apart, entries {entry:.1e}"
    )
    spent: dict[str, list[dict[str, float]]] = {path: [] for path in PATHS}
    for turn in range(repeat):
        for path in sorted(PATHS, reverse=bool(turn % 2)):
            spent[path].append(step.run(PATHS[path], answers)[0])
    median = {
        path: {part: statistics.median(one[part] for one in runs) for part in PARTS}
        for path, runs in spent.items()
    }
    for parts in median.values():
        parts["step"] = sum(parts.values())
    table = Table("CPU seconds", *PATHS, "ratio to the better", box=None)
    for part in (*PARTS, "step"):
        row(table, part, {path: median[path][part] for path in PATHS}, ".2f")
    peaks = {path: measured_peak(folder / "model", path) for path in PATHS}
    row(table, "MiB of an update", peaks, ".0f")
    console.print(table)
    tokens = step.prompt.shape[1]
    bound = N * (tokens + ANSWER) / (tokens + N * ANSWER)
    console.print(f"tokens of a pass, repeated to shared: {bound:.2f}; frames: {N}")
    data = data_path(step, folder / "videos", repeat)
    console.print(
        "data path: " + ", ".join(f"{n} {s:.3f} s" for n, s in data.items()) + " a question"
    )
    print(
        f"grpo_step: {min(median[peer]['step'] for peer in PEERS) / median['shared']['step']:.2f}"
    )


def row(table: Table, name: str, found: Mapping[str, float], form: str) -> None:
    """A line of the table, with the ratio of the better peer to ours."""
    ratio = min(found[peer] for peer in PEERS) / found["shared"]
    table.add_row(name, *(f"{found[path]:{form}}" for path in PATHS), f"{ratio:.2f}")


if __name__ == "__main__":
    main()
