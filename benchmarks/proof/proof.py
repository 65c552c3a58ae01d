"""Does it learn, and from what? The tiny model on real clips: trained, asked about others, compared, written up.

    uv run python benchmarks/proof/proof.py run FOLDER    # of videos; an hour or less on two cores
    uv run python benchmarks/proof/proof.py page          # docs/proof.md, from the results

Videos that show what another one shows are left out, as far as `twins.py` finds them, so that nothing is asked
about what was learnt. `start.yaml`
makes the model that runs begin with, by a long curriculum; `proof.yaml` is the scale of the runs, `weak.yaml` a
short warm start; `ablations/` holds what is run beside the project's own. Each run trains on some of the clips and
is asked about the others: sighted, without the video, and with another question's. Several runs are at work at
once, each in one thread. What is done is not done again, so the same command goes on after a stop.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from page import page, picture
from twins import without_twins

from videossr.atomic import write_text
from videossr.dataset import Dataset
from videossr.video_table import read_table
from videossr_trainers.training.attempts import commits_of
from videossr_trainers.training.occupied import PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "proof.json"
PAGE = ROOT / "docs" / "proof.md"
PICTURE = ROOT / "docs" / "proof.svg"

#: Compared with the base, which is run first, or with `weak`; the last with none.
COMPARED = (
    "longer",
    "strict_reward",
    "only_anomaly",
    "only_counting",
    "only_jigsaw",
    "adaptive",
    "weak",
    "weak_strict",
    "own_light",
)

#: Where everything is made; proof.yaml names it too.
OUTPUT = Path("proof_runs")

#: Processes that pretrain, whatever the machine: how many questions a step takes follows from it.
PRETRAINING = 2

#: Beside the runs: the seconds that they took, over all attempts, noted every so often.
_TIMES = "times.json"
_SECONDS = 10.0

#: Of every run what the results keep; the configuration is in the files beside this one.
_FACTS = ("seed", "state", "seconds", "commit", "versions", "plugins")


def settings() -> dict[str, str]:
    """The SHA-256 of every file that says what is run, and of which clips, by its name here."""
    files = sorted([*HERE.glob("*.yaml"), *HERE.glob("ablations/*.yaml"), HERE / "twins.py"])
    return {
        str(path.relative_to(HERE)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def videossr(*words: str) -> None:
    """A command of ours, in one thread."""
    called(["-m", "videossr", *words])


def called(words: list[str]) -> None:
    """Python with arguments.

    Raises:
        SystemExit: it failed.
    """
    print("$ python", shlex.join(words), flush=True)
    environment = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run([sys.executable, *words], env=os.environ | environment, check=False)
    if done.returncode:
        raise SystemExit(f"{shlex.join(words)} ended with {done.returncode}")


def run(videos: Path, output: Path, seeds: list[int], jobs: int) -> None:
    """Everything, and the results.

    The model that all runs but the weak ones begin with is trained first; then so many runs at a time, each
    in one thread.
    """
    with timed(output, "pretraining"):
        copies = pretrained(videos, output)
    common = ["--scale", str(HERE / "proof.yaml"), "--folder", str(HERE / "ablations")]
    common += ["--videos", str(output / "videos.parquet"), "-o", str(output)]
    every = [(seed, name) for name in ("base", *COMPARED) for seed in seeds]
    with timed(output, "runs"), ThreadPoolExecutor(jobs) as pool:
        waited = [
            pool.submit(videossr, "ablate", "run", name, "--seeds", str(seed), *common)
            for seed, name in every
        ]
        for one in waited:
            one.result()
    videossr("ablate", "report", str(output / "proof"))
    report = json.loads((output / "proof" / "report.json").read_text(encoding="utf-8"))
    minutes = {name: sum(took) / 60 for name, took in times_of(output).items()}
    found = {
        "command": "python benchmarks/proof/proof.py run FOLDER",
        "minutes": round(sum(minutes.values()), 1),
        "minutes_of_pretraining": round(minutes["pretraining"], 1),
        "commits_of_pretraining": pretrained_at(output),
        "at_once": jobs,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "seeds": seeds,
        "settings": settings(),
        "videos": videos_of(report, output / "proof"),
        "left_out": copies,
        **kept(report),
    }
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(RESULTS)


def times_of(output: Path) -> dict[str, list[float]]:
    """The seconds that every attempt at each part has taken so far."""
    path = output / _TIMES
    found: dict[str, list[float]] = json.loads(path.read_text()) if path.exists() else {}
    return found


@contextmanager
def timed(output: Path, part: str) -> Iterator[None]:
    """Note what an attempt at a part takes, every few seconds, so that one that is killed counts too."""
    output.mkdir(parents=True, exist_ok=True)
    before = times_of(output)
    began, over = time.monotonic(), threading.Event()

    def note() -> None:
        took = [*before.get(part, []), round(time.monotonic() - began, 1)]
        write_text(output / _TIMES, json.dumps({**before, part: took}))

    def go_on() -> None:
        while not over.wait(_SECONDS):
            note()

    noting = threading.Thread(target=go_on, daemon=True)
    noting.start()
    try:
        yield
    finally:
        over.set()
        noting.join()
        note()


def pretrained(videos: Path, output: Path) -> dict[str, str]:
    """Train the model that runs begin with, and leave it where `proof.yaml` names it.

    Returns:
        The copies that were left out, each with what it is a copy of.
    """
    dataset, place, start = output / "curriculum", output / "start", str(HERE / "start.yaml")
    table, copies = distinct(videos, output)
    if not dataset.exists():
        videossr("build", start, "--videos", str(table), "-o", str(dataset))
    spread = ["--standalone", f"--nproc-per-node={PRETRAINING}", "-m", "videossr"]
    words = ["train", start, "--dataset", str(dataset), "-o", str(place), "--resume"]
    called(["-m", "torch.distributed.run", *spread, *words])
    return copies


def distinct(videos: Path, output: Path) -> tuple[Path, dict[str, str]]:
    """The table of the videos that are used.

    Returns:
        Where it is, and the copies that were left out, each with what it is a copy of.

    Raises:
        SystemExit: what is there already was made of other videos.
    """
    scanned, fresh, table = (
        output / f"{name}.parquet" for name in ("scanned", "distinct", "videos")
    )
    videossr("scan", str(videos), "-o", str(scanned))
    copies = without_twins(scanned, fresh)
    # Another choice of copies could ask about what was learnt already.
    if table.exists() and contents(table) != contents(fresh):
        raise SystemExit(
            f"{output} was made of other videos than {videos}; remove it to begin anew"
        )
    fresh.replace(table)
    return table, copies


def contents(table: Path) -> set[str]:
    """The hashes of a table's videos."""
    return {row.hash for row in read_table(table)[0]}


def pretrained_at(output: Path) -> list[str]:
    """The commits of the code that trained the model that runs begin with."""
    path = output / "start" / PROVENANCE
    return commits_of(json.loads(path.read_text(encoding="utf-8")))


def videos_of(report: dict[str, Any], folder: Path) -> dict[str, int]:
    """How many different videos are learnt from, and asked about."""
    places = report["ablations"][0]["runs"][0]["places"]
    return {
        side: len({recipe.video for recipe in Dataset.load(folder / places[place]).recipes})
        for side, place in (("train", "train_set"), ("held_out", "benchmark"))
    }


def kept(report: dict[str, Any]) -> dict[str, Any]:
    """A report without the configurations, which are the files here, and without the machine's own paths."""
    report["facts"]["scale"] = Path(report["facts"]["scale"]).name
    for one in report["ablations"]:
        one["runs"] = [{name: facts.get(name) for name in _FACTS} for facts in one["runs"]]
    return report


def main() -> None:
    """Run it, or write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="train, examine, and write results and page")
    running.add_argument(
        "videos", type=Path, help="a folder of videos, or a table of `videossr scan`"
    )
    running.add_argument("--seeds", default="0,1,2", help="separated by commas")
    running.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time")
    commands.add_parser("page", help="write the page from the results")
    given = parser.parse_args()
    if given.command == "run":
        run(given.videos, OUTPUT, [int(seed) for seed in given.seeds.split(",")], given.jobs)
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(page(found), encoding="utf-8")
    picture(found, PICTURE)
    print(PAGE)


if __name__ == "__main__":
    main()
