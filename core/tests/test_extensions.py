"""Packages that add commands, sections and presets, and what happens when they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from toy_plugins import Settings, extended_by

from videossr import hookimpl
from videossr.config import preset_names
from videossr.extensions import extensions

if TYPE_CHECKING:
    from pathlib import Path


class Sections:
    """Brings a section."""

    def __init__(self, section: type[Settings]) -> None:
        self.section = section

    @hookimpl
    def register_sections(self) -> dict[str, type[Settings]]:
        """The section `oven`."""
        return {"oven": self.section}


class First(Settings):
    """One schema."""


class Second(Settings):
    """Another."""


class Failing:
    """Has a bug in each hook."""

    @hookimpl
    def register_sections(self) -> None:
        """A bug."""
        raise KeyError("oven")

    @hookimpl
    def register_presets(self) -> str:
        """Text for a folder."""
        return "presets"

    @hookimpl
    def register_commands(self) -> None:
        """A bug."""
        raise SystemExit(3)


class WrongSignature:
    """Asks for what the hook does not have."""

    @hookimpl
    def register_commands(self, parser: object) -> None:
        """Never called."""


def test_of_two_sections_with_one_name_the_first_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the packages' names, and the other is told."""
    expected = "section 'oven' of unknown left out: unknown has one of that name"
    with extended_by(monkeypatch, a=Sections(First), b=Sections(Second)):
        with pytest.warns(UserWarning, match=expected):
            assert {"oven": First} == extensions().sections()
        assert [expected] == extensions().faults


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("sections", "commands of unknown left out: its hook 'register_sections' raised KeyError"),
        ("presets", "its hook 'register_presets' raised AttributeError: 'str' object has no"),
    ],
)
def test_one_extension_that_fails_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, what: str, expected: str
) -> None:
    """It is left out with a warning."""
    with extended_by(monkeypatch, bad=Failing(), good=Sections(First)):
        with pytest.warns(UserWarning, match=expected):
            found = getattr(extensions(), what)()
        assert ({"oven": First} if what == "sections" else {}) == found


def test_an_extension_with_a_wrong_signature_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any of its hooks is called."""
    with (
        extended_by(monkeypatch, bad=WrongSignature()),
        pytest.warns(
            UserWarning, match=r"left out: importing .* found register_commands\(parser\); expected"
        ),
    ):
        assert {} == extensions().sections()


def test_a_hook_with_a_misspelt_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would never be called, and nobody would know why."""

    class Misspelt:
        @hookimpl
        def register_command(self, app: object) -> None:
            """Never called."""

    told = r"no hook is called 'register_command'; did you mean 'register_commands'\?"
    with extended_by(monkeypatch, bad=Misspelt()):
        with pytest.warns(UserWarning, match=told):
            assert {} == extensions().sections()
        assert 1 == len(extensions().faults)


def test_a_section_of_the_core_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes its name is left out."""

    class Build(Sections):
        @hookimpl
        def register_sections(self) -> dict[str, type[Settings]]:
            return {"build": self.section, "oven": self.section}

    expected = "section 'build' of unknown left out: the core has one of that name"
    with extended_by(monkeypatch, bad=Build(First)), pytest.warns(UserWarning, match=expected):
        assert {"oven": First} == extensions().sections()


def test_presets_that_are_not_there_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A folder that was forgotten in the package."""

    class Presets:
        @hookimpl
        def register_presets(self) -> Path:
            return tmp_path / "gone"

    with (
        extended_by(monkeypatch, bad=Presets()),
        pytest.warns(UserWarning, match="gone is no folder of presets"),
    ):
        assert {} == extensions().presets()


def test_presets_are_the_files_of_the_folders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By their stems, of all packages together."""

    class Presets:
        def __init__(self, folder: Path) -> None:
            self.folder = folder

        @hookimpl
        def register_presets(self) -> Path:
            return self.folder

    for package, names in (("one", ["b", "a"]), ("two", ["c"])):
        (tmp_path / package).mkdir()
        for name in names:
            (tmp_path / package / f"{name}.yaml").write_text("")
    plugins = {name: Presets(tmp_path / name) for name in ("one", "two")}
    with extended_by(monkeypatch, **plugins):
        assert ["a", "b", "c"] == preset_names()
