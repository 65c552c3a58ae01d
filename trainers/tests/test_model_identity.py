"""What a model is: known by its content, whatever it is called and wherever it lies."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from huggingface_hub import constants

from videossr_trainers.models import identity
from videossr_trainers.models.identity import content_of, folder_hash

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def model(folder: Path, weights: str = "first") -> Path:
    """A folder with the files of a model, as far as its content goes."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text(weights)
    return folder


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
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    kept = tmp_path / "models--some--model"
    for path, text in {"refs/main": commit, f"snapshots/{commit}/config.json": "{}"}.items():
        (kept / path).parent.mkdir(parents=True)
        (kept / path).write_text(text)
    identity._commit.cache_clear()
    assert f"some/model@{commit}" == content_of("some/model")
    assert f"some/model@{'d' * 40}" == content_of("some/model", "d" * 40)
    assert content_of("some/model", "nightly") is None
    assert content_of("other/model") is None
    assert content_of(str(tmp_path / "nowhere")) is None
    assert "tiny" == content_of("tiny")
    identity._commit.cache_clear()


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
