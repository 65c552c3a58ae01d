"""LoRA: what is trained, what is saved, and how it comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from tiny_questions import MakeTrainer, questions, tiny_trainer

from videossr import ConfigError
from videossr.config import load_config
from videossr_trainers.engine.encoding import PromptBatch
from videossr_trainers.models.adapters import lora_config
from videossr_trainers.models.load import load_model, locate_model
from videossr_trainers.models.names import missing_folder
from videossr_trainers.sections import GrpoSection, LoraSection, ModelSection
from videossr_trainers.training.arguments import grpo_arguments, leave_cores_to_loaders

if TYPE_CHECKING:
    from torch import Tensor

    from videossr_trainers.engine.grpo import VideoGRPOTrainer


def trained(make_trainer: MakeTrainer, folder: Path) -> VideoGRPOTrainer:
    """A trainer after two steps, its adapter saved to a folder."""
    trainer = make_trainer(lora=LoraSection(rank=4), max_steps=2, learning_rate=1e-2)
    trainer.train()
    trainer.save_model(str(folder))
    return trainer


@torch.no_grad()
def logits(model: torch.nn.Module, trainer: VideoGRPOTrainer) -> Tensor:
    """What a model expects after each token of a question."""
    (prompt,) = trainer.encoder.encode(questions()[:1])
    batch = PromptBatch.of([prompt], trainer.model.get_base_model(), 0)
    return model.eval()(  # type: ignore[no-any-return]
        input_ids=batch.input_ids, mm_token_type_ids=batch.token_types, **batch.vision
    ).logits


def test_a_saved_adapter_loads_as_the_trained_model(
    make_trainer: MakeTrainer, tiny_folder: Path, tmp_path: Path
) -> None:
    """The folder loads as any model does, and gives what the trained one gave; its base does not."""
    trainer = trained(make_trainer, tmp_path / "model")
    expected = logits(trainer.model, trainer)
    again, _ = load_model(str(tmp_path / "model"))
    torch.testing.assert_close(logits(again, trainer), expected, rtol=1e-4, atol=1e-4)
    base, _ = load_model(str(tiny_folder))
    assert float((logits(base, trainer) - expected).abs().max()) > 1e-2


def test_training_on_from_an_adapter_keeps_it(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    """The run starts from the merged model, its reference too, and a second adapter loads onto it."""
    first = trained(make_trainer, tmp_path / "first")
    section = ModelSection(name=str(tmp_path / "first"), weights="bfloat16", lora=LoraSection())
    start = locate_model(section, tmp_path / "run" / "start", (), seed=0)
    model, _ = load_model(start)
    learnt = logits(first.model, first)
    torch.testing.assert_close(logits(model, first), learnt, rtol=1e-4, atol=1e-4)
    assert start == model.config._name_or_path  # what TRL loads the reference from
    assert torch.bfloat16 == load_model(start, dtype=torch.bfloat16)[0].dtype
    second = tiny_trainer(
        Path(start), tmp_path, lora=LoraSection(rank=4), max_steps=2, learning_rate=1e-2
    )
    second.train()
    second.save_model(str(tmp_path / "second"))
    expected = logits(second.model, second)
    assert float((expected - learnt).abs().max()) > 1e-3
    again, _ = load_model(str(tmp_path / "second"))
    torch.testing.assert_close(logits(again, second), expected, rtol=1e-4, atol=1e-4)


def test_only_the_adapter_is_trained_and_saved(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    """Without weights of the base, the vision tower untouched."""
    trainer = trained(make_trainer, tmp_path / "model")
    learns = [name for name, weight in trainer.model.named_parameters() if weight.requires_grad]
    assert learns
    assert all("lora_" in name and "visual" not in name for name in learns)
    assert not (tmp_path / "model" / "model.safetensors").exists()
    assert (tmp_path / "model" / "adapter_model.safetensors").exists()


def test_a_base_of_bfloat16_keeps_its_adapter_in_float32(make_trainer: MakeTrainer) -> None:
    """The frozen weights take half the memory; steps are not lost in the ones that are trained."""
    trainer = make_trainer(lora=LoraSection(rank=4), dtype=torch.bfloat16, max_steps=1)
    kinds = {(weight.requires_grad, weight.dtype) for weight in trainer.model.parameters()}
    assert {(True, torch.float32), (False, torch.bfloat16)} == kinds
    trainer.train()
    assert trainer.state.log_history[0]["grad_norm"] > 0


def test_a_lost_base_is_named(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    """The error names the adapter, its base, and the file to change."""
    folder = tmp_path / "model"
    trained(make_trainer, folder)
    file = folder / "adapter_config.json"
    gone = str(tmp_path / "gone")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": gone}))
    with pytest.raises(ConfigError, match=r"its base '.*gone' cannot be loaded; .*adapter_config"):
        load_model(str(folder))


def test_a_model_to_train_that_is_not_there(tmp_path: Path) -> None:
    """A path is taken for that of a folder, not for a malformed name on the hub."""
    (tmp_path / "file").touch()
    for name, problem in {"gone": "no such folder", "file": "is no folder"}.items():
        with pytest.raises(ConfigError, match=f"{name}' cannot be loaded: {problem}; give a"):
            load_model(str(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Qwen/Qwen3-VL-8B-Instruct", None),
        ("gpt2", None),
        ("./run/model", "no such folder"),
        ("~/run", "no such folder"),
        ("runs/one/model", "no such folder"),
    ],
)
def test_names_that_only_folders_have(name: str, problem: str | None) -> None:
    """What the hub may know is left to the hub."""
    assert missing_folder(name) == problem


@pytest.mark.parametrize("name", ["lm_head", "q_poj"])
def test_layers_that_cannot_be_adapted_are_refused(tiny_folder: Path, name: str) -> None:
    """A name that the model lacks, and the head, whose weight the loss reads directly."""
    model, _ = load_model(str(tiny_folder))
    section = LoraSection(target_modules=("q_proj", name))
    with pytest.raises(
        ConfigError, match=f"'{name}' cannot be adapted; known are .*q_proj"
    ) as raised:
        lora_config(section, model, None)
    assert len(raised.value.mistakes) == 1


def test_bfloat16_without_an_adapter_is_refused() -> None:
    """Its steps would be lost."""
    with pytest.raises(ConfigError, match="bfloat16 loses the steps of full fine-tuning"):
        load_config("paper", ["model.weights=bfloat16"])
    assert load_config("paper", ["model.weights=bfloat16", "model.lora={}"])


@pytest.mark.parametrize(
    ("processes", "workers", "threads"), [(1, 2, 6), (2, 1, 3), (4, 1, 1), (16, 0, 1)]
)
def test_processes_of_a_machine_share_its_cores(
    processes: int, workers: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of eight cores each has its part, less those of its own loaders, and never none."""
    told: list[int] = []
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("videossr_trainers.training.arguments.core_count", lambda: 8)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    leave_cores_to_loaders(GrpoSection(loader_workers=workers))
    assert [threads] == told


@pytest.mark.parametrize(("asked", "threads"), [("1", 1), ("3", 3), ("12", 6), ("", 6), ("4,2", 6)])
def test_no_more_threads_than_are_asked_for(
    asked: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`OMP_NUM_THREADS` may give less than there is, and not more."""
    told: list[int] = []
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    monkeypatch.setattr("videossr_trainers.training.arguments.core_count", lambda: 8)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    leave_cores_to_loaders(GrpoSection(loader_workers=2))
    assert [threads] == told


def test_an_optimizer_without_its_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the package."""
    monkeypatch.setattr("videossr_trainers.training.arguments.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="adamw_8bit needs the package bitsandbytes"):
        grpo_arguments(GrpoSection(optimizer="adamw_8bit"), ModelSection(), tmp_path, seed=0)


def test_an_optimizer_of_8_bits_trains(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    """Its states are bytes, and the weights move."""
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    section = GrpoSection(optimizer="adamw_8bit")
    optim = grpo_arguments(section, ModelSection(), tmp_path, seed=0).optim
    trainer = make_trainer(optim=optim, max_steps=2, learning_rate=1e-2)
    before = {name: weight.clone() for name, weight in trainer.model.named_parameters()}
    trainer.train()
    states = trainer.optimizer.state.values()
    # Small tensors keep states of 32 bits.
    assert torch.uint8 in {state["state1"].dtype for state in states}
    moved = [not torch.equal(w, before[name]) for name, w in trainer.model.named_parameters()]
    assert all(moved)


def test_the_reference_is_of_the_policys_revision(tmp_path: Path) -> None:
    """TRL loads it anew, and is told which."""
    section = ModelSection(revision="v2")
    assert grpo_arguments(GrpoSection(), section, tmp_path, seed=0).model_init_kwargs == {
        "revision": "v2"
    }


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, "constant"),
        ({"warmup_steps": 3}, "constant_with_warmup"),
        ({"lr_scheduler": "cosine", "warmup_steps": 3}, "cosine"),
    ],
)
def test_learning_rates_follow_their_schedule(
    settings: dict[str, object], kind: str, tmp_path: Path
) -> None:
    """Constant by default, as in the paper; with a warm-up where one is asked for."""
    section = GrpoSection.model_validate(settings)
    arguments = grpo_arguments(section, ModelSection(), tmp_path, seed=0)
    assert kind == arguments.lr_scheduler_type
    assert settings.get("warmup_steps", 0) == arguments.warmup_steps
