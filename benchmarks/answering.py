"""What asking a local model gains by computing once what questions about one video share.

    uv run python benchmarks/answering.py               # or --videos, --questions, --frames ...

Eight questions about a video of 48 frames of 256 x 256 pixels, to a small Qwen3-VL of random weights in
float32, in one thread, everything in turn within each repetition:

* shared: `LocalAnswerer` as it is, in batches of eight.
* batched: the same, told that no two questions begin alike. What any stock batched run does.
* one by one: the same in batches of one, which on some machines is quicker than batched.
* the limit: one question a video, with all that the video costs and one suffix.

The work is checked first: all three give the same texts. Reported are CPU seconds, medians, with what
the answerer itself says of its throughput; printed last is the ratio of the quicker of the two peers,
batched or one by one, to shared.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from rich.console import Console
from rich.table import Table

from videossr import Clip, Sample
from videossr.sample import question_prompt
from videossr.threads import one_torch_thread
from videossr_trainers.answering import Asked, Decoding
from videossr_trainers.answering.families import Qwen3VL
from videossr_trainers.answering.local import LocalAnswerer
from videossr_trainers.answering.throughput import Throughput
from videossr_trainers.console import quiet_libraries
from videossr_trainers.models.tiny import make_model, make_processor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

DECODING = Decoding(max_new_tokens=8)

TEXTS = (
    "Between which two times is the picture mirrored? Answer as start-end, in seconds.",
    "Between which two times are the colours swapped? Answer as start-end, in seconds.",
    "How many circles, squares and triangles are drawn on the frames? Answer as three numbers.",
    "How many different people walk through the picture from beginning to end?",
    "What happens last?",
    "At which second does the camera begin to move, and when does it come to rest again?",
    "Is the picture ever upside down?",
    "Which of these is not to be seen: (A) a car, (B) a tree, (C) a river, (D) a boat?",
)


class Repeated(Qwen3VL):
    """Reads as the other does, and is told that no two questions begin alike."""

    def generate(self, prompts, begun, draws) -> tuple[Tensor, int]:  # noqa: ANN001
        """Each prompt from its first token."""
        return super().generate(prompts, [()] * len(begun), draws)


@dataclass
class Way:
    """A way to ask, and what it took."""

    answerer: LocalAnswerer
    questions: Sequence[Asked]

    def __post_init__(self) -> None:
        self.spent: list[float] = []

    def ask(self) -> list[str]:
        """All answers, the CPU seconds noted."""
        before = time.process_time()
        found = [said.text for _, (said,) in self.answerer.answer(self.questions, DECODING)]
        self.spent.append(time.process_time() - before)
        return found

    @property
    def seconds(self) -> float:
        """The median of CPU seconds."""
        return statistics.median(self.spent)


def asked(videos: int, questions: int, frames: int, side: int) -> list[Asked]:
    """Questions about videos of noise."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for video in range(videos):
        pixels = torch.randint(0, 256, (frames, 3, side, side), generator=generator)
        clip = Clip(pixels.to(torch.uint8), torch.arange(frames, dtype=torch.float64) / 2)
        for number in range(questions):
            sample = Sample(question_prompt(None, TEXTS[number % len(TEXTS)]), (clip,), "1")
            found.append(Asked(f"{video} {number}", sample))
    return found


def main() -> None:
    """Ask in each way, and print the table."""
    parser = argparse.ArgumentParser(description="Sharing a video among questions.")
    parser.add_argument("--videos", type=int, default=1)
    parser.add_argument("--questions", type=int, default=8)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--side", type=int, default=256, help="of the square frames, in pixels")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    quiet_libraries()
    processor = make_processor(TEXTS)
    model = make_model(
        processor.tokenizer, hidden=256, layers=6, heads=8, vision_depth=4, vision_hidden=256
    )
    with tempfile.TemporaryDirectory() as folder:
        # Loaded, so that the model is as it would be in use.
        processor.save_pretrained(folder)
        model.save_pretrained(folder)
        sizes = (arguments.questions, arguments.questions, 1, 1)
        loaded = [LocalAnswerer.load(folder, batch_size=size) for size in sizes]
    questions = asked(arguments.videos, arguments.questions, arguments.frames, arguments.side)
    shared, batched, single = (Way(answerer, questions) for answerer in loaded[:3])
    limit = Way(loaded[3], questions[:: arguments.questions])
    batched.answerer._family = Repeated(loaded[1].model, loaded[1].processor)  # noqa: SLF001
    peers = {"batched": batched, "one by one": single}
    ways = {"shared": shared, **peers, "one question a video": limit}
    with one_torch_thread():
        texts = shared.ask()
        if any(peer.ask() != texts for peer in peers.values()):
            raise SystemExit("sharing changes answers")
        limit.ask()
        for way in ways.values():
            way.spent.clear()
            way.answerer.throughput = Throughput()
        for _ in range(arguments.repeat):
            for way in ways.values():
                way.ask()
    table = Table("way", "questions", "CPU s", "ms a question", "to the limit", box=None)
    for name, way in ways.items():
        table.add_row(
            name,
            str(len(way.questions)),
            f"{way.seconds:.2f}",
            f"{1000 * way.seconds / len(way.questions):.0f}",
            f"{way.seconds / limit.seconds:.2f}",
        )
    Console(width=120, file=sys.stdout).print(table)
    for name in ("shared", *peers):
        print(f"{name}: {ways[name].answerer.throughput}")
    ratios = {name: peer.seconds / shared.seconds for name, peer in peers.items()}
    for name, ratio in ratios.items():
        print(f"{name} to shared: {ratio:.2f}")
    print(f"answering: {min(ratios.values()):.2f}")


if __name__ == "__main__":
    main()
