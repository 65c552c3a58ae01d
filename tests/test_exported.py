"""What is handed over to other trainers, as they read it: our rewards there, and their own loaders."""

from __future__ import annotations

import importlib
import json
import runpy
import shlex
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from videossr.build import build
from videossr.cli import main
from videossr.config import load_config
from videossr.export.clock import told
from videossr.export.exporting import export_dataset
from videossr.export.peers import PEERS
from videossr.export.shown import AsFrames, AsVideo
from videossr.procedural import write_videos
from videossr.render import Renderer
from videossr.scan import scan

if TYPE_CHECKING:
    from collections.abc import Callable

    from videossr.dataset import Dataset
    from videossr.export.shown import Writer
    from videossr.sample import Sample


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Questions of all tasks of the preset `tiny` about videos drawn by code."""
    videos = tmp_path_factory.mktemp("videos")
    write_videos(videos, 4, seed=0, seconds=4, fps=8, height=64, width=96)
    sizes = ["video.size_multiple=64", "video.min_pixels=16384", "video.max_pixels=16384"]
    settings = [
        "build.size=12",
        "build.held_out=0.5",
        "video.spacing=null",
        "video.min_frames=8",
        *sizes,
    ]
    return build(load_config("tiny", settings), scan(videos), videos)


@pytest.fixture(scope="module")
def renderer(dataset: Dataset) -> Renderer:
    """The dataset's own."""
    return Renderer.for_dataset(dataset)


@pytest.fixture(scope="module")
def samples(dataset: Dataset, renderer: Renderer) -> dict[str, Sample]:
    """What each question renders to, by its name."""
    return {f"{r.task}/{r.index}": renderer.render(r) for r in dataset.recipes}


@pytest.fixture(scope="module")
def handed_over(
    dataset: Dataset, renderer: Renderer, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Export to a peer, once for all tests."""
    folder = tmp_path_factory.mktemp("handed over")

    def export(peer: str, show: str = "video") -> Path:
        out = folder / f"{peer} {show}"
        if not out.exists():
            writer: Writer = AsFrames() if show == "frames" else AsVideo(even=peer != "datasets")
            export_dataset(dataset, renderer, out, PEERS[peer], writer, split="all")
        return out

    return export


def test_every_task_is_handed_over(dataset: Dataset) -> None:
    """So that what is shown here of rewards is shown of all of them."""
    assert set(load_config("tiny").tasks) == set(dataset.tasks)


# Rewards


def verl_reward(folder: Path) -> tuple[list[dict[str, Any]], Any]:
    """Its rows, and its reward called as its reward manager does."""
    compute = runpy.run_path(str(folder / "reward.py"))["compute_score"]

    def reward(completion: str, row: dict[str, Any]) -> float:
        answer: float = compute(
            data_source=row["data_source"],
            solution_str=completion,
            ground_truth=row["reward_model"]["ground_truth"],
            extra_info={**row["extra_info"], "num_turns": 1, "rollout_reward_scores": {}},
        )
        return answer

    rows = pq.read_table(folder / "train.parquet").to_pylist()
    return [{**row, "name": row["extra_info"]["name"]} for row in rows], reward


def swift_reward(folder: Path) -> tuple[list[dict[str, Any]], Any]:
    """Its rows, and its reward called with a batch of columns; ms-swift's base stands in where it is not there."""
    stand_in: Any = types.ModuleType("swift.rewards")
    stand_in.ORM, stand_in.orms = object, {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "swift", types.ModuleType("swift"))
        patch.setitem(sys.modules, "swift.rewards", stand_in)
        runpy.run_path(str(folder / "reward.py"))
    reward = stand_in.orms["videossr"]()
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]

    def one(completion: str, row: dict[str, Any]) -> float:
        columns = {name: [value, value] for name, value in row.items()}
        first, second = reward([completion, completion], **columns, trainer_state=None)
        assert first == second
        return float(first)

    return rows, one


def easyr1_reward(folder: Path) -> tuple[list[dict[str, Any]], Any]:
    """Its rows, and its reward called with a batch, with no more than EasyR1 gives."""
    module = runpy.run_path(str(folder / "reward.py"))
    assert "batch" == module["REWARD_TYPE"]
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]

    def one(completion: str, row: dict[str, Any]) -> float:
        asked = {"response": completion, "response_length": 1, "ground_truth": row["answer"]}
        (score,) = module["compute_score"]([asked])
        assert {"overall", "accuracy", "format"} == set(score)
        return float(score["overall"])

    return [{**row, **json.loads(row["answer"]), "answer": row["answer"]} for row in rows], one


def hub_reward(folder: Path) -> tuple[list[dict[str, Any]], Any]:
    """Its rows, and the reward beside them."""
    datasets = pytest.importorskip("datasets")
    table = datasets.load_from_disk(folder)["train"].remove_columns(["videos"])
    return list(table), runpy.run_path(str(folder / "reward.py"))["score"]


@pytest.mark.parametrize(
    ("peer", "reward_of"),
    [
        ("verl", verl_reward),
        ("ms-swift", swift_reward),
        ("easyr1", easyr1_reward),
        ("datasets", hub_reward),
    ],
)
def test_an_exported_sample_scores_as_ours(
    handed_over: Callable[..., Path],
    samples: dict[str, Sample],
    renderer: Renderer,
    peer: str,
    reward_of: Callable[[Path], tuple[list[dict[str, Any]], Any]],
) -> None:
    """Whatever a model says, of every task: other answers, parts of them, noise; to the bit."""
    rows, reward = reward_of(handed_over(peer))
    assert set(samples) == {row["name"] for row in rows}
    answers = st.sampled_from([sample.answer for sample in samples.values()])
    thought = st.builds("<think>{}</think><answer>{}</answer>".format, st.text(), answers)
    numbers = st.text("0123456789,.- ", max_size=12)
    said = st.one_of(answers, thought, numbers, st.text(max_size=20))

    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(st.sampled_from(rows), said)
    def scored(row: dict[str, Any], completion: str) -> None:
        name = row["name"]
        sample, task = samples[name], renderer.config.tasks[name.partition("/")[0]].task
        ours = task.score(completion, sample.answer, sample.target).value
        assert ours == reward(completion, row)

    scored()
    assert all(1.0 == reward(samples[row["name"]].answer, row) for row in rows)


# The real ones


def real(module: str, what: str) -> Any:  # noqa: ANN401 - a module
    """A peer's module; skips the test, saying so, where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        pytest.skip(f"{what} is not installed here ({error})")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("show", ["frames", "video"])
def test_verl_itself_reads_it(
    handed_over: Callable[..., Path],
    show: str,
    samples: dict[str, Sample],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`RLHFDataset` keeps every question, and gives its processor the pixels and times as they are."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    rl_dataset = real("verl.utils.dataset.rl_dataset", "verl")
    real("qwen_vl_utils", "qwen-vl-utils, which verl reads videos with,")
    if show == "video":
        real("decord", "decord, which needs no FFmpeg beside,")
        monkeypatch.setenv("FORCE_QWENVL_VIDEO_READER", "decord")
    reward = importlib.import_module("verl.trainer.ppo.reward")
    omegaconf = importlib.import_module("omegaconf")
    transformers = importlib.import_module("transformers")
    tiny = importlib.import_module("videossr_trainers.models.tiny")
    folder = handed_over("verl", show)
    texts = [sample.question for sample in samples.values()]
    name = tiny.save_tiny(tmp_path / "tiny", texts, seed=0)
    processor = transformers.AutoProcessor.from_pretrained(name)
    config = omegaconf.OmegaConf.create(
        {
            "cache_dir": str(tmp_path / "verl"),
            "max_prompt_length": 10_000,
            "filter_overlong_prompts": True,
            "filter_overlong_prompts_workers": None,
        }
    )
    read = rl_dataset.RLHFDataset(
        str(folder / "train.parquet"), processor.tokenizer, config, processor
    )
    assert len(samples) == len(read)
    compute = reward.get_custom_reward_fn(
        omegaconf.OmegaConf.create(
            {
                "reward": {
                    "custom_reward_function": {
                        "path": str(folder / "reward.py"),
                        "name": "compute_score",
                        "reward_kwargs": {"detailed": True},
                    }
                }
            }
        )
    )
    for row in (read[number] for number in range(len(read))):
        sample = samples[row["extra_info"]["name"]]
        text = "".join(part.get("text", "") for part in row["raw_prompt"][0]["content"])
        _, videos, _ = read._process_multi_modal_info(
            row["raw_prompt"], read.image_patch_size, config
        )
        for (pixels, facts), clip in zip(videos, sample.clips, strict=True):
            assert torch.equal(clip.frames.float(), pixels)
            seconds = [number / facts["fps"] for number in facts["frames_indices"]]
            if not any(said in text for said in told(clip, facts["fps"])):
                assert seconds == pytest.approx(clip.times.tolist(), abs=0.051)
        scored = compute(
            data_source=row["data_source"],
            solution_str=sample.answer,
            ground_truth=row["reward_model"]["ground_truth"],
            extra_info=row["extra_info"],
        )
        assert {"score": 1.0, "readable": 1.0} == scored


@pytest.mark.filterwarnings("ignore")
def test_ms_swift_itself_takes_the_reward_and_the_rows(
    handed_over: Callable[..., Path], samples: dict[str, Sample]
) -> None:
    """The plugin registers with the real `orms`; the real template inputs take a row whole."""
    rewards = real("swift.rewards", "ms-swift")
    inputs = importlib.import_module("swift.template.template_inputs")
    folder = handed_over("ms-swift")
    runpy.run_path(str(folder / "reward.py"))
    reward = rewards.orms["videossr"]()
    for line in (folder / "train.jsonl").read_text().splitlines():
        row = json.loads(line)
        taken = inputs.StdTemplateInputs.from_dict(row)
        assert row["videos"] == taken.videos
        assert row["chat_template_kwargs"] == taken.chat_template_kwargs
        columns = {name: [value] for name, value in row.items()}
        assert [1.0] == reward([samples[row["name"]].answer], **columns)


def test_the_page_on_exports_can_be_followed(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exports of its first block, one after the other; the build before them is that of other pages."""
    monkeypatch.chdir(tmp_path)
    dataset.save(tmp_path / "dataset")
    page = (Path(__file__).parents[1] / "docs" / "export.md").read_text()
    build, *lines = page.split("```sh\n")[1].split("```")[0].splitlines()
    assert build.startswith("videossr build tiny ")
    assert len(PEERS) == len(lines)
    for line in lines:
        with pytest.raises(SystemExit) as stop:
            main(shlex.split(line)[1:])
        assert 0 == stop.value.code, line
    both = {path.stem for path in (tmp_path / "for_verl").glob("*.parquet")}
    assert {"train", "held_out"} == both
    assert ["train.jsonl"] == [path.name for path in (tmp_path / "for_swift").glob("*.jsonl")]
    assert (tmp_path / "on_disk" / "train" / "data-00000-of-00001.arrow").exists()
