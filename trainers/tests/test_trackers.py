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
from transformers import TrainerState

from videossr import ConfigError
from videossr.installing import install_command
from videossr_trainers.rollouts import trackers
from videossr_trainers.rollouts.trackers import Trackers, check_trackers, log_below

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


@pytest.mark.parametrize("killed_after", [3, 0])
@pytest.mark.filterwarnings("ignore")
def test_a_run_that_goes_on_has_each_step_in_tensorboard_once(
    tmp_path: Path, killed_after: int
) -> None:
    """Whether it goes on from a checkpoint or begins anew; what counts is what was told last."""
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import (  # noqa: PLC0415
        EventAccumulator,
    )
    from transformers.integrations import TensorBoardCallback  # noqa: PLC0415

    for loss, after, last in ((1.0, 0, 5), (2.0, killed_after, 6)):
        state = TrainerState(global_step=after, is_world_process_zero=True)
        callback = TensorBoardCallback()
        log_below(tmp_path, [callback], lambda state=state: state.global_step)
        callback._init_summary_writer(None)
        for step in range(after + 1, last + 1):
            state.global_step = step
            callback.on_log(None, state, None, {"loss": loss})
        callback.on_train_end(None, state, None)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    told = [(one.step, one.value) for one in events.Scalars("train/loss")]
    expected = [(step, 1.0 if step <= killed_after else 2.0) for step in range(1, 7)]
    assert expected == told


def test_the_project_has_this_projects_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """In W&B and trackio, unless the environment has another."""
    for name in ("WANDB_PROJECT", "TRACKIO_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    assert ("videossr", "videossr") == (trackers.project(), os.environ["WANDB_PROJECT"])
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("TRACKIO_PROJECT", "ours")
    assert ("ours", "mine") == (trackers.project(), os.environ["WANDB_PROJECT"])


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
