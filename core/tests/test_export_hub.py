"""What is sent to a hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from exports import exported

from videossr.export.shown import AsVideo

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.dataset import Dataset


def test_what_is_sent_to_the_hub(
    toy_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Privately, the card first, then all rows; nothing to a repository of somebody else."""
    datasets = pytest.importorskip("datasets")
    hub = pytest.importorskip("huggingface_hub")
    from videossr.export.hub import PushError, push  # noqa: PLC0415 - an extra

    exported(toy_dataset, tmp_path / "out", "datasets", AsVideo())
    sent: list[Any] = []
    files = [".gitattributes"]
    private = True

    class Made(str):
        __slots__ = ()
        repo_id = "me/toys"

    class Api:
        def create_repo(self, name: str, **options: object) -> Made:
            sent.append((name, options))
            return Made("https://hub/datasets/me/toys")

        def repo_info(self, *_: object, **__: object) -> object:
            siblings = [hub.hf_api.RepoSibling(rfilename=file) for file in files]
            facts = {"siblings": siblings, "tags": ["video"], "private": private}
            return type("Info", (), facts)

        def upload_file(self, **options: object) -> None:
            sent.append(options)

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    monkeypatch.setattr(
        datasets.DatasetDict, "push_to_hub", lambda self, name: sent.append((name, self.num_rows))
    )
    assert "https://hub/datasets/me/toys" == push(tmp_path / "out", "me/toys")
    assert ("me/toys", {"repo_type": "dataset", "private": True, "exist_ok": True}) == sent[0]
    *uploads, rows = sent[1:]
    assert {"me/toys"} == {upload["repo_id"] for upload in uploads}
    names = [upload["path_in_repo"] for upload in uploads]
    assert ["README.md", "reward.py", "config.json"] == names
    card = hub.DatasetCard(uploads[0]["path_or_fileobj"].decode())
    assert "videossr" in card.data.tags
    assert 'load_dataset("me/toys")' in card.content
    assert str(tmp_path) not in card.content
    assert ("me/toys", {"train": 12}) == rows
    private = False
    with pytest.raises(PushError, match="me/toys: is on the Hub already, where everybody can see"):
        push(tmp_path / "out", "me/toys")
    assert "https://hub/datasets/me/toys" == push(tmp_path / "out", "me/toys", public=True)
    private = True
    before = len(sent)
    files.append("model.safetensors")
    with pytest.raises(
        PushError, match="me/toys: is on the Hub already, with 1 files that are not"
    ):
        push(tmp_path / "out", "me/toys")
    assert before + 1 == len(sent)
