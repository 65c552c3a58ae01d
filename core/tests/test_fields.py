"""Settings in words, as `plugins show` and the documentation tell them."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
import yaml
from pydantic import Field
from toy_plugins import Dim, Settings, registry_of

from videossr import Ramp
from videossr.config.describe import example_tree
from videossr.fields import fields_of, in_yaml


class Various(Settings):
    """Defaults and bounds of several kinds."""

    many: Annotated[list[int], Field(default_factory=lambda: [1, 2])]
    first: Annotated[int, Field(default_factory=lambda settled: settled["many"][0])]
    large: Annotated[int, Field(ge=1, le=2**32 - 1)] = 1_000_001
    fine: Annotated[float, Field(ge=0.0000125, lt=12345678.5)] = 0.5
    steep: Ramp = Ramp.between(0.1, 1_000_001.0, train=0.15)
    needed: int


ROWS = {row.name: row for row in fields_of(Various)}


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("many", "[1, 2]"),
        ("first", "made from other settings"),
        ("large", "1000001"),
        ("steep", "0.1 / 0.15 / 1000001"),
        ("needed", "required"),
    ],
)
def test_a_default_is_told(name: str, default: str) -> None:
    """A factory's too; required is what has none."""
    assert default == ROWS[name].default


def test_bounds_keep_their_digits() -> None:
    """All of them, however many."""
    assert "at least 1, at most 4294967295" == ROWS["large"].bounds
    assert "at least 1.25e-05, less than 12345678.5" == ROWS["fine"].bounds


@pytest.mark.parametrize(
    "value",
    ["null", "", "on", "3", "plain", "a, b", "é: ü", "x" * 300, None, True, 7, 0.5, (1, "1")],
)
def test_a_value_is_read_as_it_is_written(value: Any) -> None:  # noqa: ANN401 - of any type
    """In one line of YAML, quoted only where it must be."""
    text = in_yaml(value)
    assert "\n" not in text
    assert (list(value) if isinstance(value, tuple) else value) == yaml.safe_load(text)
    assert "plain" == in_yaml("plain")


def test_a_default_made_from_others_is_left_out_of_the_example() -> None:
    """The others make it again."""

    class Derived(Settings):
        many: Annotated[list[int], Field(default_factory=lambda: [1, 2])]
        first: Annotated[int, Field(default_factory=lambda settled: settled["many"][0])]

    odd = type("Odd", (Dim,), {"Config": Derived})()
    (entry,) = example_tree(registry_of(odd=odd), "odd")["tasks"].values()
    assert {"perturbations": {"odd": {"many": [1, 2]}}} == entry
