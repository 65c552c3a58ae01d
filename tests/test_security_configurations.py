"""A configuration from a stranger runs no code, tells nothing of this machine, and takes no more than it may.

So does a dataset, whose header has a configuration in it.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from videossr import ConfigError
from videossr.config import bounds, load_config, resolve
from videossr.config.load import read_tree
from videossr.config.trust import VARIABLE, trust

if TYPE_CHECKING:
    from pathlib import Path

#: A plugin that leaves a trace of having run.
_PLUGIN = "from pathlib import Path\n\n(Path(__file__).parent / 'ran').touch()\nplugin = None\n"


def refused(path: Path, *overrides: str) -> str:
    """Why a configuration cannot be read."""
    with pytest.raises(ConfigError) as caught:
        read_tree(path, overrides)
    return str(caught.value)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that names a folder with a plugin, which lies beside it."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "evil.py").write_text(_PLUGIN)
    path = tmp_path / "run.yaml"
    path.write_text("plugins: {folders: [plugins]}\ntasks: {evil: {}}\n")
    return path


# Code


def test_a_folder_of_plugins_that_only_a_configuration_names_does_not_run(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, with how to allow it; so is the one that a dataset's own configuration names."""
    monkeypatch.delenv(VARIABLE)
    folder = config.parent / "plugins"
    with pytest.raises(ConfigError, match=rf"folders: '{folder}' holds code.*--plugins-dir"):
        load_config(config)
    with pytest.raises(ConfigError, match="holds code"):
        resolve(read_tree(config))
    assert not (folder / "ran").exists()


def test_a_folder_that_the_user_names_too_runs(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the argument that `--plugins-dir` becomes, or below a folder in the environment."""
    monkeypatch.setenv(VARIABLE, "")
    folder = config.parent / "plugins"
    with pytest.raises(ConfigError, match="broken"):  # the plugin is none; but its module ran
        load_config(config, folders=[folder])
    assert (folder / "ran").exists()
    (folder / "ran").unlink()
    trust([config.parent])
    with pytest.raises(ConfigError, match="broken"):
        load_config(config)
    assert (folder / "ran").exists()


def test_a_neighbour_of_a_trusted_folder_is_not_trusted(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the beginning of its name, and not by a way out of the trusted one."""
    monkeypatch.setenv(VARIABLE, str(config.parent / "plug"))
    with pytest.raises(ConfigError, match="holds code"):
        load_config(config)
    config.write_text("plugins: {folders: [plug/../plugins]}\ntasks: {evil: {}}\n")
    (config.parent / "plug").mkdir()
    with pytest.raises(ConfigError, match="holds code"):
        load_config(config)


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system ['touch ran']",
        "!!python/name:os.system",
        "!!python/module:os",
        "!!python/object:videossr.config.schema.VideoConfig {}",
    ],
)
def test_yaml_makes_no_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Tags for Python are unknown ones."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.yaml"
    path.write_text(f"seed: {value}\n")
    assert "could not determine a constructor" in refused(path)
    assert ["run.yaml"] == [one.name for one in tmp_path.iterdir()]


# This machine


@pytest.mark.parametrize(
    "value",
    [
        "${oc.env:SECRET}",
        "${oc.env:SECRET,none}",
        "a ${oc.decode:${oc.env:SECRET}} b",
        "${oc.create:{a: 1}}",
        "${${name}:SECRET}",
        "${store.${name}}",
    ],
)
def test_nothing_but_other_values_can_be_referred_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """What the environment has would be written into datasets, runs and reports, which are passed on."""
    monkeypatch.setenv("SECRET", "hunter2")
    path = tmp_path / "run.yaml"
    path.write_text(f"name: oc.env\nstore:\n  folder: '{value}'\n")
    told = refused(path)
    assert "store.folder: " in told
    assert "is no reference" in told
    assert "hunter2" not in told
    path.write_text("store: {}")
    assert "is no reference" in refused(path, f"store.folder='{value}'")


# Memory


def bomb(levels: int) -> str:
    """Ten of the one before, a level a line: ten lines stand for ten thousand million values."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(bomb(10), "spells out to more than", id="aliases of lists"),
        pytest.param(
            bomb(10).replace("[", "{<<: [").replace("]", "]}").replace("lol", "{a: 1}"),
            "spells out to more than",
            id="merged mappings",
        ),
        pytest.param(
            f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 100)}]",
            "spells out to more than",
            id="aliases of a long text",
        ),
        pytest.param("a: " + "[" * 100_000, "nested more than 64 deep", id="deep"),
        pytest.param("a: &a [*a]", "cannot be read as YAML", id="a list that holds itself"),
        pytest.param("a: &a {b: *a}", "cannot be read as YAML", id="a mapping that holds itself"),
        pytest.param("#" * (bounds.MOST_BYTES + 1), "more than 1,048,576 bytes", id="large"),
    ],
)
def test_a_file_that_stands_for_too_much_is_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    """Before anything is built of it; and so where another extends it."""
    path, over = tmp_path / "run.yaml", tmp_path / "over.yaml"
    path.write_text(text)
    over.write_text("extends: run.yaml\n")
    assert problem in refused(path)
    assert problem in refused(over)


def spelling(first: str, line: str, reference: str, between: str) -> str:
    """Lines of which each refers ten times to the one before it."""
    lines = [first]
    for number in range(1, 11):
        ten = between.join([reference.replace("#", str(number - 1))] * 10)
        lines.append(line.replace("#", str(number)).replace("ALL", ten))
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(spelling("a0: xxxxxxxxxx", "a#: 'ALL'", "${a#}", ""), id="texts"),
        pytest.param(spelling("a0: {x: 1}", "a#: [ALL]", "'${a#}'", ", "), id="mappings"),
        pytest.param(spelling("t:\n  a0: x", "  a#: 'ALL'", "${.a#}", ""), id="relative"),
        pytest.param(spelling("a:\n- xxxxxxxxxx", "- 'ALL'", "${a[#]}", ""), id="of a list"),
    ],
)
def test_references_that_spell_out_to_too_much_are_refused(tmp_path: Path, text: str) -> None:
    """Ten lines again."""
    path = tmp_path / "run.yaml"
    path.write_text(text)
    assert "spells out to more than" in refused(path)


def test_references_without_end_are_told(tmp_path: Path) -> None:
    """A chain that is longer than any stack is an error and no crash; so are circles of mappings."""
    path = tmp_path / "run.yaml"
    path.write_text("\n".join(f"a{n}: ${{a{n + 1}}}" for n in range(1500)))
    assert "refer to one another without end" in refused(path)
    path.write_text("a: {x: '${b}'}\nb: {y: '${a}'}\n")
    assert "run.yaml: " in refused(path)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii")),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_a_tree_without_references_is_never_refused(value: object) -> None:
    """Whatever its values are; and what is checked stays as it is."""
    tree = {"a": value}
    assume("${" not in repr(value))
    before = deepcopy(tree)
    bounds.check_references("a tree", tree)
    assert before == tree


@pytest.mark.parametrize(
    ("tree", "problem"),
    [
        ({"video": {"max_pixels": 2**40}}, "video.max_pixels"),
        ({"video": {"num_frames": 4096, "max_pixels": 2**21}}, "pixels in a clip"),
        ({"build": {"size": 10**12}}, "build.size"),
    ],
)
def test_a_configuration_cannot_ask_for_all_memory(tree: dict[str, object], problem: str) -> None:
    """Sizes have bounds far above what is of use."""
    with pytest.raises(ConfigError, match=problem):
        resolve(tree)
