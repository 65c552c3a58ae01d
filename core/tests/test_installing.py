"""Advice on what to install."""

from __future__ import annotations

import pytest

from videossr import installing
from videossr.installing import install_command


@pytest.mark.parametrize(("has_pip", "pip"), [(True, "pip"), (False, "uv pip")])
def test_the_command_works_where_it_is_told(
    monkeypatch: pytest.MonkeyPatch, has_pip: bool, pip: str
) -> None:
    """With uv where there is no pip; what a shell would take for something else is quoted."""
    monkeypatch.setattr(installing, "find_spec", lambda _: has_pip or None)
    assert f"{pip} install wandb" == install_command("wandb")
    assert f"{pip} install -U 'toys[x]>=2'" == install_command("-U", "toys[x]>=2")
