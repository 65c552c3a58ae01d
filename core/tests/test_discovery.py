"""Which plugins are found, which are imported, and which are not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from toy_plugins import TOYS, distribution, points_of

from videossr import ConfigError, PluginError
from videossr.config import resolve
from videossr.registry import Registry

LOOSE = """
from pydantic import BaseModel
from videossr import hookimpl

class Negative:
    class Config(BaseModel, extra="forbid"):
        amount: int = 3

    summary = "Take from 255"
    version = "1"

    @hookimpl
    def perturb(self, clip, config: "Config"):
        return 255 - clip.frames

plugin = Negative()
"""

UNTOUCHED = "raise AssertionError('imported')"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one loose plugin."""
    (tmp_path / "negative.py").write_text(LOOSE)
    return tmp_path


# Loose files


def test_a_file_is_a_plugin_of_its_name(folder: Path) -> None:
    """Its distribution is its path, and its version a hash of it."""
    origin = Registry((), folders=[folder]).origin("negative")
    assert ("enabled", "perturbation", "1") == (origin.state, origin.kind, origin.plugin_version)
    assert str(folder / "negative.py") == origin.distribution
    assert origin.version.startswith("sha256 ")
    assert origin.loose


def test_another_content_is_another_version(folder: Path) -> None:
    """So that a run says which one it used."""
    before = Registry((), folders=[folder]).origin("negative").version
    (folder / "negative.py").write_text(LOOSE + "\n# changed\n")
    assert before != Registry((), folders=[folder]).origin("negative").version


def test_nothing_is_written_beside_loose_files(folder: Path) -> None:
    """Not even compiled modules."""
    Registry((), folders=[folder]).origin("negative")
    assert [folder / "negative.py"] == list(folder.rglob("*"))


@pytest.mark.parametrize("name", ["_private.py", ".hidden.py", "notes.txt"])
def test_what_is_no_plugin_file_is_left_alone(folder: Path, name: str) -> None:
    """Files with an underscore or a dot in front, and files of another kind."""
    (folder / name).write_text(UNTOUCHED)
    assert ("negative",) == Registry((), folders=[folder]).names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 +", "raised SyntaxError: invalid syntax"),
        ("x = 1", "raised AttributeError: the file has no attribute 'plugin'; add"),
        ("import nowhere_to_be_found", "raised ModuleNotFoundError: No module named"),
        ("plugin = None", "has no attribute 'Config'"),
    ],
)
def test_a_loose_file_that_fails_is_broken(folder: Path, text: str, expected: str) -> None:
    """And the others work."""
    (folder / "bad.py").write_text(text)
    registry = Registry((), folders=[folder])
    assert "broken" == registry.origin("bad").state
    assert expected in registry.origin("bad").problem
    assert "enabled" == registry.origin("negative").state


def test_what_is_no_file_is_left_alone(folder: Path) -> None:
    """A folder may be called like a file, and a link may lead to one."""
    (folder / "nested.py").mkdir()
    (folder / "linked.py").symlink_to(folder / "nested.py")
    assert ("negative",) == Registry((), folders=[folder]).names


def test_a_link_that_leads_nowhere_is_broken(folder: Path) -> None:
    """And the others work."""
    (folder / "gone.py").symlink_to("nowhere")
    registry = Registry((), folders=[folder])
    assert "broken" == registry.origin("gone").state
    assert "raised FileNotFoundError" in registry.origin("gone").problem
    assert "enabled" == registry.origin("negative").state


def test_a_link_is_called_by_its_own_name(folder: Path) -> None:
    """Whatever the file that it leads to is called, one that is left alone included."""
    (folder / "_impl.py").write_text(LOOSE)
    (folder / "mine.py").symlink_to("_impl.py")
    registry = Registry((), folders=[folder])
    assert ("mine", "negative") == registry.names
    origin = registry.origin("mine")
    assert ("enabled", str(folder / "mine.py")) == (origin.state, origin.distribution)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """It would otherwise be an environment without the plugin."""
    with pytest.raises(ConfigError, match="missing: is no folder of plugins; give a folder"):
        Registry((), folders=[tmp_path / "missing"])


def test_a_loose_file_and_a_package_may_be_in_conflict(folder: Path, tmp_path: Path) -> None:
    """Both are named."""
    points = distribution(tmp_path / "site", "toy-tasks", "1.2", {"negative": "unimported:plugin"})
    origin = Registry(points, folders=[folder]).origin("negative")
    assert "conflict" == origin.state
    assert f"{folder / 'negative.py'} sha256 " in origin.problem
    assert "toy-tasks 1.2 both bring a plugin of this name" in origin.problem


def test_a_folder_that_is_named_twice_is_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is written: its plugins are not in conflict with themselves."""
    monkeypatch.chdir(folder.parent)
    (folder.parent / "link").symlink_to(folder)
    folders = [folder, Path(folder.name), folder.parent / "link"]
    assert "enabled" == Registry((), folders=folders).origin("negative").state
    tree = {"tasks": {"halves": {"perturbations": {"negative": {}}}}, "plugins": {}}
    tree["plugins"] = {"folders": list(map(str, folders))}
    registry = Registry(points_of(**TOYS), folders=folders)
    assert (str(folder),) == resolve(tree, registry).discovery.folders


# The allow-list


@pytest.fixture
def site(tmp_path: Path) -> list[object]:
    """Two packages that must not be imported, and a third with a name in common."""
    return [
        *distribution(
            tmp_path, "first-toys", "1", {"alpha": "first_toys:a", "beta": "first_toys:b"}
        ),
        *distribution(tmp_path, "second_toys", "2", {"alpha": "second_toys:a"}),
    ]


def test_what_is_not_on_the_allow_list_is_barred(site: list[object]) -> None:
    """With the list; nothing of it is imported."""
    registry = Registry([*site, *points_of(pick=TOYS["pick"])], allow=["pick"])  # type: ignore[list-item]
    states = {origin.name: origin.state for origin in registry.origins()}
    assert {"alpha": "barred", "beta": "barred", "pick": "enabled"} == states
    assert "is not on the allow-list, which has pick" == registry.origin("beta").problem
    assert not {"first_toys", "second_toys"} & {*sys.modules}


@pytest.mark.parametrize("allowed", ["First.Toys", "first-toys", "FIRST_TOYS"])
def test_a_package_may_be_allowed(site: list[object], allowed: str) -> None:
    """By its name as packaging compares names; of two in conflict, the allowed one is taken."""
    registry = Registry(site, allow=[allowed])  # type: ignore[arg-type]
    assert "broken" == registry.origin("beta").state
    origin = registry.origin("alpha")
    assert ("broken", "first-toys") == (origin.state, origin.distribution)
    assert "No module named 'first_toys'" in origin.problem


def test_an_empty_allow_list_bars_everything(site: list[object]) -> None:
    """None would bar nothing."""
    registry = Registry(site, allow=[])  # type: ignore[arg-type]
    assert {"barred"} == {origin.state for origin in registry.origins()}
    assert registry.origin("beta").problem.endswith("which has nothing")


# Switched off


def test_what_is_switched_off_is_not_imported(site: list[object]) -> None:
    """It is listed as disabled; a conflict stays one."""
    registry = Registry(site)  # type: ignore[arg-type]
    alpha, beta = registry.origins(without=["alpha", "beta"])
    assert ("conflict", "disabled") == (alpha.state, beta.state)
    assert "is not switched on in the configuration" == beta.problem
    assert "first_toys" not in sys.modules


def test_faults_are_of_those_that_are_on(site: list[object]) -> None:
    """Barred and disabled plugins are none."""
    registry = Registry(site)  # type: ignore[arg-type]
    assert ["alpha", "beta"] == [origin.name for origin in registry.faults()]
    assert ["alpha"] == [origin.name for origin in registry.faults(without=["beta"])]
    assert [] == Registry(site, allow=[]).faults()  # type: ignore[arg-type]


def test_a_plugin_that_does_not_work_is_not_given_out(site: list[object]) -> None:
    """Whoever asks for it is told why."""
    with pytest.raises(PluginError, match=r"plugin 'beta' \(first-toys 1\) is broken: importing"):
        Registry(site).schema("beta")  # type: ignore[arg-type]
