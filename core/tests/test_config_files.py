"""Reading a configuration: files that lie over others, interpolation, overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from configurations import misread, write

from videossr import ConfigError
from videossr.config import load_config, preset_names
from videossr.config.load import read_tree

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("kitchen")


def test_a_file_lies_over_what_it_extends(tmp_path: Path) -> None:
    """Mappings merge to the bottom, the extending file's values win, lists are replaced."""
    path = write(
        tmp_path,
        a="extends: b.yaml\nvideo: {spacing: [3], x: {y: 1}}",
        b="video: {spacing: [1, 2], num_frames: 8, x: {z: 2}}\nseed: 5",
    )
    expected = {"video": {"spacing": [3], "num_frames": 8, "x": {"z": 2, "y": 1}}, "seed": 5}
    assert expected == read_tree(path)


def test_of_several_bases_the_later_win(tmp_path: Path) -> None:
    """A list of bases is laid one over the other, presets among them."""
    path = write(tmp_path, a="extends: [warm, b.yaml]\nx: 1", b="seed: 2")
    assert {"oven": {"degrees": 100}, "seed": 2, "x": 1} == read_tree(path)


def test_several_sources_lie_one_over_the_other(tmp_path: Path) -> None:
    """As if a file extended all of them; what they say of each other is filled in at the end."""
    path = write(tmp_path, a="extends: b.yaml\nx: ${oven.degrees}", b="oven: {degrees: 7}")
    assert {"oven": {"degrees": 7}, "seed": 1, "x": 7} == read_tree(["warm", path])


@pytest.mark.parametrize("override", [(), ("tasks.pick.difficulty={kind: adaptive, window: 8}",)])
def test_a_schedule_of_another_kind_takes_the_place_of_one(
    tmp_path: Path, override: tuple[str, ...]
) -> None:
    """Its settings are not the other's; of the same kind, and in a task's own settings, both count."""
    over = tmp_path / "over.yaml"
    over.write_text("tasks: {pick: {difficulty: {kind: linear, stop: 0.5}, other: {kind: b}}}")
    under = tmp_path / "under.yaml"
    under.write_text(
        "tasks: {pick: {difficulty: {kind: linear, start: 0.25}, other: {kind: a, also: 1}}}"
    )
    pick = read_tree([under, over], override)["tasks"]["pick"]
    assert {"kind": "b", "also": 1} == pick["other"]
    both = {"kind": "linear", "start": 0.25, "stop": 0.5}
    assert ({"kind": "adaptive", "window": 8} if override else both) == pick["difficulty"]
    over.write_text("tasks: {pick: {difficulty: {kind: adaptive}}}")
    assert {"kind": "adaptive"} == read_tree([under, over])["tasks"]["pick"]["difficulty"]


def test_a_base_is_looked_for_beside_the_file_that_names_it(tmp_path: Path) -> None:
    """Paths start from the file's own folder, along a chain of files."""
    (tmp_path / "deep").mkdir()
    path = write(tmp_path, a="extends: deep/b.yaml")
    write(tmp_path / "deep", b="extends: ../c.yaml")
    write(tmp_path, c="seed: 3")
    assert {"seed": 3} == read_tree(path)


def test_a_preset_is_read_by_its_name() -> None:
    """Those that extensions bring, and no others."""
    assert ["warm"] == preset_names()
    assert {"oven": {"degrees": 100}, "seed": 1} == read_tree("warm")


def test_files_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    """The whole circle is told."""
    a = write(tmp_path, a="extends: b.yaml", b="extends: a.yaml")
    b = tmp_path / "b.yaml"
    assert [f"extends: runs in a circle: {a} -> {b} -> {a}"] == misread(a)


def test_one_base_reached_twice_is_no_circle(tmp_path: Path) -> None:
    """Two bases may share a base of their own."""
    path = write(
        tmp_path,
        a="extends: [b.yaml, c.yaml]",
        b="extends: d.yaml\nx: 1",
        c="extends: d.yaml\ny: 2",
        d="seed: 4",
    )
    assert {"seed": 4, "x": 1, "y": 2} == read_tree(path)


def test_a_missing_base_is_told_with_the_file_that_names_it(tmp_path: Path) -> None:
    """And with what could be given."""
    path = write(tmp_path, a="extends: nowhere")
    expected = (
        f"{path}: extends: nowhere: is neither a preset nor a file; "
        "give a YAML file, or one of the presets: warm"
    )
    assert [expected] == misread(path)


def test_a_missing_file_is_told() -> None:
    """Neither a preset nor a file."""
    expected = "wram: is neither a preset nor a file; give a YAML file, or one of the presets: warm"
    assert [expected] == misread("wram")


@pytest.mark.parametrize(
    ("written", "given"), [("3", "3"), ("{a: b}", "{'a': 'b'}"), ("[[b]]", "[['b']]")]
)
def test_extends_takes_names_alone(tmp_path: Path, written: str, given: str) -> None:
    """Anything but a text or a list of texts is a mistake."""
    path = write(tmp_path, a=f"extends: {written}")
    right = "name a preset or a file, or a list of them"
    assert [f"{path}: extends: {given} names no configuration; {right}"] == misread(path)


def test_a_list_does_not_fit_over_a_mapping(tmp_path: Path) -> None:
    """The file that does not fit is told."""
    path = write(tmp_path, a="extends: b.yaml\nvideo: [1]", b="video: {num_frames: 8}")
    (found,) = misread(path)
    assert found.startswith(f"{path}: video: does not fit over what it extends: ")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("seed: 1\nvideo: [1", 'a.yaml", line 2'),
        ("seed: 1\nseed: 2", "duplicate key seed"),
        ("seed: \x01", "characters are not allowed"),
        ("seed: ${", "no viable alternative"),
        ("s: !!set {a}", "not a supported primitive type"),
    ],
)
def test_what_is_no_yaml_is_told_with_file_and_line(tmp_path: Path, text: str, where: str) -> None:
    """Syntax, duplicate keys, control characters, types that YAML has and a tree has not."""
    path = write(tmp_path, a=text)
    (found,) = misread(path)
    assert found.startswith(f"{path}: cannot be read as YAML: ")
    assert where in found


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    """A file of other bytes than UTF-8."""
    path = tmp_path / "a.yaml"
    path.write_bytes(b"seed: \xff")
    (found,) = misread(path)
    assert found.startswith(f"{path}: cannot be read as YAML: ")


@pytest.mark.parametrize("text", ["- 1\n- 2", "[]"])
def test_a_file_must_be_a_mapping(tmp_path: Path, text: str) -> None:
    """A list has no sections."""
    path = write(tmp_path, a=text)
    right = "write sections such as `video:` and `tasks:`"
    assert [f"{path}: is no mapping of keys to values; {right}"] == misread(path)


# Interpolation and overrides


def test_values_may_refer_to_others(tmp_path: Path) -> None:
    """An interpolation sees the merged tree, overrides included."""
    path = write(tmp_path, a="seed: 1\nvideo: {num_frames: '${build.size}'}\nbuild: {size: 6}")
    tree = read_tree(path, ["build.size=8"])
    assert {"seed": 1, "video": {"num_frames": 8}, "build": {"size": 8}} == tree


def test_an_override_may_refer_to_the_tree(tmp_path: Path) -> None:
    """Not only to itself."""
    path = write(tmp_path, a="build: {size: 6}")
    assert 6 == read_tree(path, ["seed=${build.size}"])["seed"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("seed: ${build.size}", "seed: Interpolation key 'build.size' not found"),
        ("seed: ${seed}", "seed: Recursive interpolation detected"),
        ("seed: ???", "seed: Missing mandatory value: seed"),
    ],
)
def test_a_value_that_is_not_there_is_told(tmp_path: Path, text: str, problem: str) -> None:
    """Interpolations to nowhere or to themselves, and values left for others to fill in."""
    path = write(tmp_path, a=text)
    assert [f"{path}: {problem}"] == misread(path)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["seed=7"], {"seed": 7, "video": {"spacing": [1, 2]}}),
        (["video.x.y=true"], {"seed": 1, "video": {"spacing": [1, 2], "x": {"y": True}}}),
        (["video.spacing=[3]"], {"seed": 1, "video": {"spacing": [3]}}),
        (["video.spacing.1=3"], {"seed": 1, "video": {"spacing": [1, 3]}}),
        (["video={x: 1}"], {"seed": 1, "video": {"spacing": [1, 2], "x": 1}}),
        (["video=null"], {"seed": 1, "video": None}),
        (["seed="], {"seed": None, "video": {"spacing": [1, 2]}}),
        (["seed=1e-6"], {"seed": 1e-6, "video": {"spacing": [1, 2]}}),
        (["seed=a=b"], {"seed": "a=b", "video": {"spacing": [1, 2]}}),
        (["seed=2", "seed=3"], {"seed": 3, "video": {"spacing": [1, 2]}}),
        (["seed='7'"], {"seed": "7", "video": {"spacing": [1, 2]}}),
    ],
)
def test_overrides_are_laid_on_top(
    tmp_path: Path, overrides: list[str], expected: dict[str, Any]
) -> None:
    """Values are YAML; keys that are new are made; the last of several wins."""
    path = write(tmp_path, a="seed: 1\nvideo: {spacing: [1, 2]}")
    assert expected == read_tree(path, overrides)


def test_all_overrides_that_are_wrong_are_told(tmp_path: Path) -> None:
    """Without a key, without a value, no YAML, no place for it in the tree."""
    path = write(tmp_path, a="video: {spacing: [1]}")
    found = misread(path, "seed", "=3", "seed=[1,", "video=[1]", "video.spacing.4=1", "seed=3")
    right = "write key=value, for instance build.size=200"
    assert [f"seed: is no override; {right}", f"=3: is no override; {right}"] == found[:2]
    expected = ["seed=[1,", "video=[1]", "video.spacing.4=1"]
    assert expected == [line.partition(": ")[0] for line in found[2:]]


@pytest.mark.parametrize("written", ["{}", "null", ""])
def test_a_key_with_nothing_after_it_changes_nothing(tmp_path: Path, written: str) -> None:
    """Over a file that says more: an empty entry leaves it as it is, and takes nothing away."""
    base, over = tmp_path / "base.yaml", tmp_path / "over.yaml"
    base.write_text("video: {num_frames: 8}\ntasks:\n  pick: {weight: 3}\n")
    over.write_text(f"extends: base.yaml\nvideo: {written}\ntasks:\n  pick: {written}\n")
    expected = {"video": {"num_frames": 8}, "tasks": {"pick": {"weight": 3}}}
    assert expected == read_tree(over)


def test_a_list_over_a_mapping_is_told(tmp_path: Path) -> None:
    """With the key, and what is right."""
    base, over = tmp_path / "base.yaml", tmp_path / "over.yaml"
    base.write_text("tasks: {pick: {near: {a: 1}}}\n")
    over.write_text("extends: base.yaml\ntasks: {pick: {near: [a]}}\n")
    told = r"over\.yaml: tasks\.pick\.near: does not fit .*; write a mapping, `name: \{\}`"
    with pytest.raises(ConfigError, match=told):
        read_tree(over)


def test_a_source_longer_than_any_file_name_is_told() -> None:
    """As one that is not there."""
    with pytest.raises(ConfigError, match="is neither a preset nor a file"):
        read_tree("x" * 5000)


def test_folders_that_are_no_list_are_told_beside_the_command_line(tmp_path: Path) -> None:
    """Their letters are not taken for folders."""
    path = tmp_path / "run.yaml"
    path.write_text("plugins: {folders: mine}\ntasks: {pick: {}}\n")
    with pytest.raises(ConfigError, match=r"plugins\.folders: 'mine'"):
        load_config(path, folders=[tmp_path])


def test_a_folder_may_come_from_another_value(tmp_path: Path) -> None:
    """As it stands there, wherever the file lies."""
    path = tmp_path / "run.yaml"
    path.write_text("store: {folder: /elsewhere}\nplugins: {folders: ['${store.folder}', near]}\n")
    assert ["/elsewhere", str(tmp_path / "near")] == read_tree(path)["plugins"]["folders"]
