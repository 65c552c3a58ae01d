"""A GRPO step on video: the prompt of a group once, against once for each of its answers.

    uv run python benchmarks/grpo_step.py          # several repetitions: --repeat 5

One question of 48 frames of 256 x 256 and about 1,780 tokens, 8 answers of 8 tokens, gradient
checkpointing on, a Qwen3-VL of random weights wide enough that its matrices are what costs. The trainer's
own methods do the work, in one process and one thread, both paths in turn within each repetition:

* generation: the 8 answers from one seed.
* reference: their log-probabilities under the reference.
* update: loss, KL term included, forward and backward.
* step: the three together and the optimizer's step, which both share.

The work is checked first: the same answers from the same seed, log-probabilities within 1e-5, and the
gradient of each tensor within 1e-5 of the repeated path's by the norm of their difference, none of its
entries further off than 1e-4 of the largest. Peak memory of an update is measured in a process of its own
for each path, above what the process held before. The data path is what one question costs to render from a video
and to encode. Prints medians of CPU seconds, and last how many times cheaper the step is.
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
from typing import TYPE_CHECKING, Any, Final, Self

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
PATHS = {"repeated": False, "shared": True}
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
    """The parts of a step by one path."""

    def __init__(self, trainer: VideoGRPOTrainer) -> None:
        self.trainer = trainer
        self.rows = list(trainer._rows)  # noqa: SLF001
        self.prompt = self.rows[0].input_ids.expand(N, -1)
        self.optimizer = torch.optim.AdamW(trainer.model.parameters(), lr=1e-6)

    def generation(self) -> torch.Tensor:
        """The answers, [N, C]."""
        torch.manual_seed(1)
        return torch.tensor(self.trainer._generate_single_turn()[0])  # noqa: SLF001

    def reference(self, answers: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of the answers under the reference, [N, C]."""
        model = self.trainer.ref_model
        ids = torch.cat([self.prompt, answers], 1)
        with torch.no_grad():
            return self.trainer._get_per_token_logps_and_entropies(  # noqa: SLF001
                model, ids, torch.ones_like(ids), ANSWER
            )[0]

    def update(self, answers: torch.Tensor, reference: torch.Tensor) -> dict[str, torch.Tensor]:
        """The gradients of the loss, by name of the weight."""
        batch = {
            "encoded_prompts": self.rows,
            "prompt_ids": self.prompt,
            "prompt_mask": torch.ones_like(self.prompt),
            "completion_ids": answers,
            "completion_mask": torch.ones_like(answers),
            "advantages": torch.linspace(-1, 1, N),
            "ref_per_token_logps": reference,
            "old_per_token_logps": None,
            "num_items_in_batch": torch.tensor(answers.numel()),
        }
        model = self.trainer.model
        model.zero_grad(set_to_none=True)
        self.trainer._compute_loss(model, batch).backward()  # noqa: SLF001
        return {name: w.grad for name, w in model.named_parameters() if w.grad is not None}

    def run(self, shared: bool) -> tuple[dict[str, float], tuple[Any, Any, Any]]:
        """CPU seconds of each part, and the answers, reference and gradients."""
        self.trainer.shared_prefix = shared
        answers, generation = cpu(self.generation)
        reference, scoring = cpu(lambda: self.reference(answers))
        gradients, update = cpu(lambda: self.update(answers, reference))
        kept = {name: gradient.clone() for name, gradient in gradients.items()}
        spent = cpu(self.optimizer.step)[1]
        return dict(zip(PARTS, (generation, scoring, update, spent), strict=True)), (
            answers,
            reference,
            kept,
        )


def check(step: Step) -> tuple[float, float]:
    """Refuse to go on unless both paths do the same work; how far apart gradients are, and entries of them."""
    for group in step.optimizer.param_groups:
        group["lr"] = 0.0  # both from the same weights
    (answers, logps, gradients), (others, expected, wanted) = (
        step.run(shared)[1] for shared in (True, False)
    )
    if not torch.equal(answers, others):
        raise SystemExit("the paths sample different answers")
    if float((logps - expected).abs().max()) > TOLERANCE * float(expected.abs().max()):
        raise SystemExit("the paths give different log-probabilities")
    if gradients.keys() != wanted.keys():
        raise SystemExit("the paths give gradients to different weights")
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
        raise SystemExit(f"the paths give different gradients: {distance:.1e}, {entry:.1e} apart")
    return distance, entry


def peak_of_update(folder: Path, path: str) -> None:
    """Print the memory of one update; in a process of its own."""
    step = Step(make_trainer(folder))
    step.trainer.shared_prefix = PATHS[path]
    answers = torch.randint(0, 250, (N, ANSWER), generator=torch.Generator().manual_seed(0))
    with Peak() as peak:
        step.update(answers, torch.zeros(N, ANSWER))
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
    distance, entry = check(step)
    console = Console(width=120, file=sys.stdout)
    weights = sum(weight.numel() for weight in step.trainer.model.parameters()) / 1e6
    console.print(
        f"{weights:.1f} million weights, {step.prompt.shape[1]} tokens of prompt, {N} answers of "
        f"{ANSWER}; the same answers, gradients {distance:.1e} apart, entries {entry:.1e}"
    )
    spent: dict[str, list[dict[str, float]]] = {path: [] for path in PATHS}
    for turn in range(repeat):
        for path in sorted(PATHS, reverse=bool(turn % 2)):
            spent[path].append(step.run(PATHS[path])[0])
    median = {
        path: {part: statistics.median(one[part] for one in runs) for part in PARTS}
        for path, runs in spent.items()
    }
    for parts in median.values():
        parts["step"] = sum(parts.values())
    table = Table("CPU seconds", *PATHS, "ratio", box=None)
    for part in (*PARTS, "step"):
        ours, theirs = median["shared"][part], median["repeated"][part]
        table.add_row(part, f"{theirs:.2f}", f"{ours:.2f}", f"{theirs / ours:.2f}")
    peaks = {path: measured_peak(folder / "model", path) for path in PATHS}
    table.add_row(
        "MiB of an update",
        *(f"{peaks[path]:.0f}" for path in PATHS),
        f"{peaks['repeated'] / peaks['shared']:.2f}",
    )
    console.print(table)
    data = data_path(step, folder / "videos", repeat)
    console.print(
        "data path: " + ", ".join(f"{n} {s:.3f} s" for n, s in data.items()) + " a question"
    )
    print(f"grpo_step: {median['repeated']['step'] / median['shared']['step']:.2f}")


if __name__ == "__main__":
    main()
