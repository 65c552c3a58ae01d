"""Rollouts on disk, and what they are worth by the plugins of today."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from digits_run import PLUGIN
from omegaconf import OmegaConf
from plain_recipes import plain_recipe

from videossr import DatasetError
from videossr.cli.app import main
from videossr.config import load_config
from videossr.floors import Floors
from videossr_trainers.rollouts.curves import curves
from videossr_trainers.rollouts.groups import Completion, GradedGroup
from videossr_trainers.rollouts.reverify import Tally, reverify
from videossr_trainers.rollouts.stored import (
    Rollout,
    read_rollouts,
    rollout_files,
    rollouts_of,
    write_rollouts,
)

CONFIG = """
plugins: {folders: [loose]}
tasks: {digits: {}}
"""


def group(index: int, *answers: tuple[str, float]) -> GradedGroup:
    """A group of the task `digits`, whose best digit is 9."""
    completions = tuple(
        Completion(text, tuple(map(ord, text)), value, parsed=True) for text, value in answers
    )
    recipe = plain_recipe("digits", index, seed=2**64 - 1)
    return GradedGroup(
        recipe, "Which?", "9", {"best": 9}, substituted=False, completions=completions
    )


GROUPS = (group(3, ("9", 1.0), ("x", 0.0)), group(5, ("18", 0.5), ("é", 0.0)))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run with two steps, its plugin loose beside it."""
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "digits.py").write_text(PLUGIN)
    (tmp_path / "given.yaml").write_text(CONFIG)
    folder = tmp_path / "run"
    for step in (1, 2):
        write_rollouts(folder, rollouts_of(step, GROUPS, [0.5, -0.5, 0.25, -0.25]))
    tree = load_config(tmp_path / "given.yaml").tree()
    OmegaConf.save(OmegaConf.create(tree), folder / "config.yaml")
    return folder


def change_plugin(run: Path, *changes: tuple[str, str]) -> None:
    """Another version of the plugin; no trace of the one before may be left."""
    text = PLUGIN
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (run.parent / "loose" / "digits.py").write_text(text)


def command(*words: object) -> int:
    """The exit code of `videossr reverify`."""
    with pytest.raises(SystemExit) as stop:
        main(["reverify", *map(str, words)])
    return int(stop.value.code or 0)


def test_what_is_written_is_read_again(run: Path) -> None:
    """Every field, with seeds of 64 bits and texts that are not ASCII."""
    path, _ = rollout_files(run)
    found = read_rollouts(path)
    assert rollouts_of(1, GROUPS, [0.5, -0.5, 0.25, -0.25]) == found
    assert (2**64 - 1, "é", 5, 1, 1, -0.25) == (
        found[3].seed,
        found[3].completion,
        found[3].index,
        found[3].group,
        found[3].number,
        found[3].advantage,
    )


def test_the_same_rollouts_are_the_same_bytes(run: Path) -> None:
    """A step that is repeated leaves its file as it was; advantages may be missing."""
    path, _ = rollout_files(run)
    before = path.read_bytes()
    assert path == write_rollouts(run, rollouts_of(1, GROUPS, [0.5, -0.5, 0.25, -0.25]))
    assert before == path.read_bytes()
    write_rollouts(run, rollouts_of(1, GROUPS))
    assert [None] * 4 == [one.advantage for one in read_rollouts(path)]
    assert ["step_000001.parquet", "step_000002.parquet"] == sorted(
        entry.name for entry in path.parent.iterdir()
    )


def test_equal_rewards_are_no_news(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said in one line, and by the exit code; by run, by folder and by file alike."""
    for path, told in (
        (run, "8 completions of 2 steps"),
        (run / "rollouts", "8 completions of 2 steps"),
        (rollout_files(run)[1], "4 completions of 1 step"),
    ):
        assert 0 == command(path)
        expected = f"{told}: rewards as stored\n"
        assert expected == capsys.readouterr().out


def test_every_difference_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: with 8 for the best digit 9 is no longer 1.0 but 9 / 8 and so capped, and 18 is 9 / 16."""
    changed = ('w / target["best"]', "min(1, w / 8)")
    change_plugin(run, changed, ('version = "1"', 'version = "2"'))
    assert 1 == command(run)
    assert (
        "step 1, digits 5, completion 0 '18': 0.5 stored, 0.5625 now; "
        "plugin digits, version '1' then, '2' now\n"
        "step 2, digits 5, completion 0 '18': 0.5 stored, 0.5625 now; "
        "plugin digits, version '1' then, '2' now\n"
        "plugin digits: version 1 stored, 2 now\n"
        "8 completions of 2 steps: 2 with another reward\n"
    ) == capsys.readouterr().out
    assert 1 == command(run, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (8, 2, 2) == (told["checked"], told["files"], told["different"])
    assert {"digits": {"stored": ["1"], "now": "2"}} == told["versions"]
    first = told["differences"][0]
    assert (1, "digits", 5, 1, 0, "18", 0.5, 0.5625) == tuple(
        first[name]
        for name in ("step", "task", "index", "group", "number", "completion", "stored", "now")
    )
    assert 1 == command(run, "-q")
    assert "" == capsys.readouterr().out


def test_another_version_with_the_same_rewards_is_told(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no difference."""
    change_plugin(run, ('version = "1"', 'version = "1.1"'))
    assert 0 == command(run)
    assert "plugin digits: version 1 stored, 1.1 now\n" in capsys.readouterr().out


def test_an_answer_that_has_no_form_any_more_is_a_difference(run: Path) -> None:
    """Also where it was worth nothing before."""
    refuses = "from videossr import Unparsable"
    change_plugin(
        run,
        ("from videossr import Sample", f"{refuses}, Sample"),
        (
            "        worth = [",
            "        if completion == 'x':\n            raise Unparsable('x')\n        worth = [",
        ),
    )
    found = list(reverify(rollout_files(run), load_config(run / "config.yaml"), Tally()))
    assert [(1, "x", 0.0, True, False), (2, "x", 0.0, True, False)] == [
        (one.step, one.completion, one.now, one.stored_parsed, one.now_parsed) for one in found
    ]
    assert "0 stored, 0 (no answer) now" in str(found[0]).replace("0.0", "0")


def test_modifiers_of_the_run_take_part(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: under a strict reward the 0.5 is 0, and that is what the run's configuration says."""
    strict = {**OmegaConf.to_container(OmegaConf.load(run / "config.yaml"))}
    strict["modifiers"] = {"strict_reward": {}}
    OmegaConf.save(OmegaConf.create(strict), run / "config.yaml")
    assert 1 == command(run)
    assert "'18': 0.5 stored, 0 now" in capsys.readouterr().out


def test_a_bug_in_a_reward_ends_the_work(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no difference, and names its plugin."""
    change_plugin(run, ("        worth = [", "        raise KeyError(7)\n        worth = ["))
    assert 1 == command(run)
    told = capsys.readouterr().err
    assert "'digits'" in told
    assert "KeyError" in told


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 torn in the middle PAR1"])
def test_a_damaged_file_is_an_error(run: Path, content: bytes) -> None:
    """That names it."""
    path, _ = rollout_files(run)
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"step_000001.parquet: damaged file of rollouts"):
        read_rollouts(path)


def test_bytes_that_changed_are_an_error(run: Path) -> None:
    """Wherever a byte is flipped, either it says nothing of the rollouts or the file is refused."""
    path, _ = rollout_files(run)
    whole, before = path.read_bytes(), read_rollouts(path)
    refused = 0
    flips = range(4, len(whole), 61)
    for at in flips:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            assert before == read_rollouts(path)
        except DatasetError:
            refused += 1
    assert len(flips) // 2 < refused < len(flips)


def test_a_foreign_table_is_an_error(run: Path) -> None:
    """A Parquet file of something else, one of a later format, and one with other columns."""
    path, _ = rollout_files(run)
    table = pq.read_table(path)
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(DatasetError, match="holds no rollouts"):
        read_rollouts(path)
    pq.write_table(table.replace_schema_metadata({"videossr.rollouts": "7"}), path)
    with pytest.raises(DatasetError, match="format '7'; this version of videossr reads format '1'"):
        read_rollouts(path)
    pq.write_table(table.drop_columns(["reward"]), path)
    with pytest.raises(DatasetError, match="damaged file of rollouts: columns step int64"):
        read_rollouts(path)


def test_wrong_use_is_told(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No such path, no rollouts there, no configuration, and one without the task."""
    assert 2 == command(tmp_path / "nothing")
    assert "there is no such file or folder" in capsys.readouterr().err
    assert 2 == command(tmp_path / "loose")
    assert "no rollouts here; give a run's folder" in capsys.readouterr().err
    assert 2 == command(run, "--config", "tiny")
    assert "tasks.digits: " in capsys.readouterr().err
    (run / "config.yaml").rename(tmp_path / "kept.yaml")
    assert 2 == command(run)
    assert "give it by --config" in capsys.readouterr().err
    assert 0 == command(run, "--config", tmp_path / "kept.yaml")


def test_every_column_and_curve_is_explained() -> None:
    """The page names all of them."""
    page = (Path(__file__).parents[2] / "docs" / "rollouts.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/.]+)`", page))
    assert set() == {field.name for field in fields(Rollout)} - named
    figures = curves([GROUPS[0]], Floors({"digits": {0.5: 0.25}}))
    assert set() == {name.replace("/digits", "/T") for name in figures} - named
