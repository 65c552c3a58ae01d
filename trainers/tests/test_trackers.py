"""Trackers are there before a run begins, and get samples as pictures, texts and tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from videossr import ConfigError
from videossr.installing import install_command
from videossr_trainers.rollouts import trackers
from videossr_trainers.rollouts.trackers import Trackers, check_trackers

#: Samples of one task.
PICTURES = {"first": Image.new("RGB", (40, 20), (200, 100, 50))}
TEXTS = {"first": "Which?\nanswer: 7\n1.000  '7'"}
TABLES = {"first": (("completion", "reward"), [("7", 1.0), ("x", 0.0)])}


def test_what_is_no_tracker_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what was meant; what is not installed with its package; all of them at once."""
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as raised:
        check_trackers(["tensorbord", "wandb", "comet_ml", "console"])
    assert ["grpo.report_to"] * 4 == [mistake.where for mistake in raised.value.mistakes]
    told = str(raised.value).splitlines()
    assert "'tensorbord' is no tracker; did you mean 'tensorboard'?" in told[0]
    assert f"'wandb' is not installed; {install_command('wandb')}" in told[1]
    assert f"'comet_ml' is not installed; {install_command('comet-ml')}" in told[2]
    assert "the terminal shows every step unless --quiet is given" in told[3]


def test_what_is_there_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any module that transformers would take."""
    monkeypatch.setattr(trackers, "find_spec", lambda name: name == "tensorboardX" or None)
    check_trackers(["tensorboard"])
    check_trackers([])


def test_transformers_knows_the_same_trackers() -> None:
    """Ours are its own, but for one that needs a server and no package."""
    from transformers.integrations.integration_utils import (  # noqa: PLC0415
        INTEGRATION_TO_CALLBACK,
    )

    assert set() == set(trackers._KNOWN) - set(INTEGRATION_TO_CALLBACK)


def test_nobody_is_told_who_did_not_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without trackers nothing is imported."""
    for name in ("wandb", "trackio"):
        monkeypatch.setitem(sys.modules, name, None)
    Trackers([], []).show(1, PICTURES, TEXTS, TABLES)


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("wandb"), reason="wandb is not installed")
@pytest.mark.filterwarnings("ignore")
def test_wandb_gets_pictures_and_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its offline mode, where all it would send lies in files."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    import wandb  # noqa: PLC0415 - optional

    wandb.init(project="videossr-tests")
    try:
        Trackers(["wandb"], []).show(3, PICTURES, TEXTS, TABLES)
    finally:
        wandb.finish()
    media = [path for path in tmp_path.rglob("media/**/*") if path.is_file()]
    (picture,) = [path for path in media if path.suffix == ".png"]
    with Image.open(picture) as shown:
        assert ((40, 20), (200, 100, 50)) == (shown.size, shown.convert("RGB").getpixel((3, 3)))
    (table,) = [path for path in media if path.name.endswith(".table.json")]
    assert [["7", 1.0], ["x", 0.0]] == json.loads(table.read_text())["data"]


#: A run of trackio, which reads where to write when it is imported, and what it has kept of it.
TRACKIO = """
import json, sys
sys.path.insert(0, sys.argv[1])
import trackio
from test_trackers import PICTURES, TABLES, TEXTS
from trackio.sqlite_storage import SQLiteStorage
from videossr_trainers.rollouts.trackers import Trackers

trackio.init(project="videossr-tests", name="one", embed=False)
Trackers(["trackio"], []).show(3, PICTURES, TEXTS, TABLES)
trackio.finish()
print(json.dumps(SQLiteStorage.get_logs("videossr-tests", "one")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("trackio"), reason="trackio is not installed")
def test_trackio_gets_pictures_and_tables(tmp_path: Path) -> None:
    """In its own files, without a server."""
    done = subprocess.run(
        [sys.executable, "-c", TRACKIO, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        env={**os.environ, "TRACKIO_DIR": str(tmp_path)},
        check=True,
    )
    (log,) = json.loads(done.stdout.splitlines()[-1])
    assert 3 == log["train/global_step"]
    rows = [{"completion": "7", "reward": 1.0}, {"completion": "x", "reward": 0.0}]
    assert rows == log["completions/first"]["_value"]
    assert TEXTS["first"] == log["samples/first"]["caption"]
    with Image.open(tmp_path / "media" / log["samples/first"]["file_path"]) as shown:
        assert ((40, 20), (200, 100, 50)) == (shown.size, shown.convert("RGB").getpixel((3, 3)))
