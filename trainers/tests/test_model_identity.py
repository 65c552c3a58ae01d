"""What a model is: known by its content, whatever it is called and wherever it lies."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import constants
from plain_recipes import dataset_for

from videossr.config import load_config
from videossr_trainers.ablations.differences import differences as differences_of_ablations
from videossr_trainers.models import identity
from videossr_trainers.models.identity import commit_in, content_of, folder_hash
from videossr_trainers.training.provenance import differences, write_provenance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def model(folder: Path, weights: str = "first") -> Path:
    """A folder with the files of a model, as far as its content goes."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text(weights)
    return folder


def on_hub(folder: Path, commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hub's cache, which is all that can be reached, have a model at a commit."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    kept = folder / "models--some--model"
    for path, text in {"refs/main": commit, f"snapshots/{commit}/config.json": "{}"}.items():
        (kept / path).parent.mkdir(parents=True, exist_ok=True)
        (kept / path).write_text(text)
    identity._commit.cache_clear()


@pytest.fixture(autouse=True)
def _forget_commits() -> Iterator[None]:
    """What is found in one test is of no other."""
    yield
    identity._commit.cache_clear()


def test_a_folder_is_its_content(tmp_path: Path) -> None:
    """A copy is the same model, other weights of the same size in the same place are another; a card is none."""
    one = model(tmp_path / "one")
    first = content_of(str(one))
    shutil.copytree(one, tmp_path / "two")
    assert first == content_of(str(tmp_path / "two"))
    (one / "README.md").write_text("better than ever")
    assert first == content_of(str(one))
    model(one, "other")
    assert first != content_of(str(one))


def test_an_adapter_is_known_with_its_base(tmp_path: Path) -> None:
    """The same adapter on other weights is another model."""
    base = model(tmp_path / "base")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))
    first = content_of(str(adapter))
    assert f"{folder_hash(adapter)} on {folder_hash(base)}" == first
    model(base, "other")
    assert first != content_of(str(adapter))


def test_a_name_on_the_hub_is_known_by_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the cache, which a branch points to; where nothing tells it, it is not known."""
    commit = "c" * 40
    on_hub(tmp_path, commit, monkeypatch)
    assert f"some/model@{commit}" == content_of("some/model")
    assert f"some/model@{'d' * 40}" == content_of("some/model", "d" * 40)
    assert content_of("some/model", "nightly") is None
    assert content_of("other/model") is None
    assert content_of(str(tmp_path / "nowhere")) is None
    assert "tiny" == content_of("tiny")
    assert [commit, None] == [commit_in(one) for one in (f"some/model@{commit}", "f" * 32)]


def test_a_branch_that_has_moved_can_be_given_by_its_old_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that began with the branch is refused with the new commit, and goes on with the old one by name."""
    named = ["model.name=some/model", "warm_start.steps=0"]
    config = load_config("tiny", named)
    on_hub(tmp_path, "c" * 40, monkeypatch)
    write_provenance(config, dataset_for(config), tmp_path / "run")
    assert [] == differences(config, dataset_for(config), tmp_path / "run")
    on_hub(tmp_path, "d" * 40, monkeypatch)
    (moved,) = differences(config, dataset_for(config), tmp_path / "run")
    assert f"some/model@{'d' * 40} here, some/model@{'c' * 40} in the run" in moved.problem
    (right,) = re.findall(r"model\.revision=\w+", moved.right)
    back = load_config("tiny", [*named, right])
    assert [] == differences(back, dataset_for(back), tmp_path / "run")
    facts = [
        {"format": 2, "config": tree, "exam": {}, "videos": "", "plugins": {}, "warm_start": False}
        for tree in (
            {"model": {"revision": revision, "content": f"some/model@{'c' * 40}"}}
            for revision in (None, "c" * 40)
        )
    ]
    assert [] == differences_of_ablations(*facts, follows_rewards=False)


def test_a_folder_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is taken the next time, but for files that were only just written, or were since."""
    monkeypatch.setenv("VIDEOSSR_CACHE", str(tmp_path / "cache"))
    one = model(tmp_path / "one")
    first = folder_hash(one)
    assert not (tmp_path / "cache").exists()
    monkeypatch.setattr(identity, "_SECONDS_TO_SETTLE", 0)
    assert first == folder_hash(one)
    (kept,) = (tmp_path / "cache" / "models").iterdir()
    assert first == kept.read_text()
    kept.write_text("f" * 32)
    assert "f" * 32 == folder_hash(one)
    kept.write_text("torn")
    assert first == folder_hash(one)
    kept.write_text("f" * 32)
    model(one, "longer than before")
    assert folder_hash(one) not in {first, "f" * 32}
