"""What the conformance kit tells: results, failures that are expected, plugins that do not work."""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest
from toy_plugins import Dim, Halves, Upend, distribution, registry_of

from videossr import ConfigError
from videossr.discovery import GROUP
from videossr.registry import Registry
from videossr.testing import Result, check_plugin, checks_for
from videossr.testing.settings import PERTURBATION, TASK, example_config, own_plugins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def registry_with(*names: str) -> Registry:
    """A registry of plugins of breaking_plugins."""
    return Registry(EntryPoint(name, f"breaking_plugins:{name}", GROUP) for name in names)


def outcomes(name: str, registry: Registry, **expected: str) -> Mapping[str, Result]:
    """The results of a plugin, by check."""
    results = check_plugin(name, registry=registry, expected_failures=expected)
    return {result.check: result for result in results}


def test_an_expected_failure_tells_its_reason_and_what_was_found() -> None:
    """It counts as it should be; every other check passes."""
    results = outcomes("wordy", registry_with("wordy"), describes_itself="two lines look better")
    one = results.pop("describes_itself")
    assert ("expected", True) == (one.outcome, one.ok)
    assert one.detail.startswith("two lines look better: summary is 'Darken")
    assert {"passed"} == {result.outcome for result in results.values()}


def test_a_check_that_passes_though_it_was_to_fail_is_no_success() -> None:
    """Whoever repaired the plugin has to take the excuse away."""
    results = outcomes(PERTURBATION, own_plugins(), describes_itself="not yet written")
    expected = Result("describes_itself", "unexpected", "passed, and was to fail: not yet written")
    assert expected == results["describes_itself"]
    assert not expected.ok


def test_an_expected_failure_of_no_check_is_refused() -> None:
    """With the check that was meant, and all there are; so is one without a reason."""
    with pytest.raises(ConfigError) as caught:
        outcomes(PERTURBATION, own_plugins(), describe_itself="a typo", own_memory=" ")
    first, second = str(caught.value).splitlines()
    assert first.startswith(
        "expected_failures.describe_itself: is no check; did you mean 'describes_itself'? checks are "
    )
    assert second == "expected_failures.own_memory: has no reason; say why it fails"


def test_a_check_of_another_kind_is_no_check() -> None:
    """Perturbations have no answers."""
    with pytest.raises(ConfigError, match="true_answer_scores_one: is no check"):
        outcomes(PERTURBATION, own_plugins(), true_answer_scores_one="what answer")


def test_a_plugin_that_does_not_work_is_one_clear_error(tmp_path: Path) -> None:
    """Unknown, broken, in conflict or barred: an error that names it, before any check."""

    def told(name: str, registry: Registry) -> str:
        with pytest.raises(ConfigError) as caught:
            check_plugin(name, registry=registry)
        assert 1 == len(caught.value.mistakes)
        return str(caught.value)

    assert told("dimm", registry_of(dim=Dim())) == (
        "dimm: no installed plugin has this name; did you mean 'dim'? installed plugins: dim"
    )
    broken = told("broken", registry_of(broken=object()))
    assert broken.startswith("broken: plugin of unknown is broken; has no attribute 'Config'")
    points = [
        point
        for package in ("one", "two")
        for point in distribution(tmp_path, package, "1.0", {"dim": "toy_plugins:DIM"})
    ]
    assert "dim: plugin of one 1.0 is in conflict; one 1.0 and two 1.0 both" in told(
        "dim", Registry(points)
    )
    barred = told("dim", Registry(points[:1], allow=["jigsaw"]))
    assert barred == "dim: plugin of one 1.0 is barred; is not on the allow-list, which has jigsaw"


def test_every_installed_perturbation_fills_a_required_field() -> None:
    """All that work, by name; those that are broken or need settings nobody gives are left out."""
    registry = registry_of(halves=Halves(), dim=Dim(), upend=Upend(), broken=object())
    config = example_config(registry, "halves")
    assert {"dim": {"weight": 1.0, "amount": 40}, "upend": {"weight": 1.0}} == config.model_dump(
        mode="json"
    )["perturbations"]


def test_the_kits_own_perturbation_fills_in_where_there_is_none() -> None:
    """So that a package of one task can be checked by itself."""
    config = example_config(registry_of(halves=Halves()), "halves")
    assert {PERTURBATION: {"weight": 1.0, "least": 20}} == config.model_dump(mode="json")[
        "perturbations"
    ]


def test_an_example_may_name_perturbations() -> None:
    """With settings and weights, as in YAML; one that is switched off is left out."""
    table = {"dim": {"amount": 9, "weight": 2}, "upend": {"enabled": False}}
    choosing = type("Choosing", (Halves,), {"example": {"perturbations": table}})()
    registry = registry_of(choosing=choosing, dim=Dim(), upend=Upend())
    config = example_config(registry, "choosing")
    assert {"dim": {"weight": 2.0, "amount": 9}} == config.model_dump(mode="json")["perturbations"]


@pytest.mark.parametrize(
    ("example", "detail"),
    [
        ({"perturbations": {"blur": {}}}, "example: perturbations.blur: is not installed"),
        (
            {"perturbations": {"dim": {"amount": 0}}},
            "example: perturbations.dim: amount: Input should be",
        ),
        ({"perturbations": "dim"}, "example: perturbations is 'dim'; must name perturbations"),
        (
            {"perturbations": {"dim": {"weight": "much"}}},
            "example: perturbations.dim: weight: Input should be a valid number",
        ),
        (
            {"perturbations": {"dim": 40}},
            "example: perturbations.dim is 40; must be a mapping of settings",
        ),
        (
            {"perturbations": {"dim": {3: 4}}},
            "example: perturbations.dim: 3: Extra inputs are not permitted",
        ),
        (
            {"colour": 1},
            "colour: Extra inputs are not permitted; make `example` settings that Config",
        ),
        ("perturbations", "example is 'perturbations'; must be a mapping of settings"),
    ],
)
def test_an_example_that_does_not_fit_is_the_one_failure(example: object, detail: str) -> None:
    """No other check has anything to look at."""
    choosing = type("Choosing", (Halves,), {"example": example})()
    (result,) = check_plugin("choosing", registry=registry_of(choosing=choosing, dim=Dim()))
    assert ("example_fits", "failed") == (result.check, result.outcome)
    assert detail in result.detail


def test_a_remark_tells_the_blind_floor() -> None:
    """The figure, and that of every level."""
    detail = outcomes(TASK, own_plugins())["blind_floor_is_measured"].detail
    floor, easy, train, hard = (float(word.strip("(,)")) for word in detail.split() if "." in word)
    assert floor == pytest.approx((easy + train + hard) / 3, abs=0.001)
    assert 0 < floor < 0.5


def test_a_plugin_that_ends_the_other_process_is_a_failed_check(tmp_path: Path) -> None:
    """The kit lives on, and so do the checks of the next plugin."""
    lines = [
        "import os",
        "from videossr import hookimpl",
        "from videossr.testing.toys import Fading",
        "class Quitting(Fading):",
        "    @hookimpl",
        "    def perturb(self, clip, config, rng):",
        "        if os.getpid() != " + "HERE:",
        "            os._exit(7)",
        "        return super().perturb(clip, config, rng)",
        "plugin = Quitting()",
    ]
    (tmp_path / "quitting.py").write_text("\n".join(lines).replace("HERE", str(os.getpid())))
    registry = Registry((), folders=[tmp_path])
    failed = {
        check: one.detail for check, one in outcomes("quitting", registry).items() if not one.ok
    }
    assert {
        "same_pixels_in_another_process": "in another process: it ended with status 7 and no word"
    } == failed
    assert all(result.ok for result in outcomes(PERTURBATION, own_plugins()).values())


def test_a_plugin_that_hangs_in_the_other_process_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the status of the process, which the kit itself ended."""
    monkeypatch.setattr("videossr.testing.digests._PATIENCE_S", 0.05)
    (tmp_path / "hanging.py").write_text(
        "import os, time\n"
        "from videossr.testing.toys import Fading\n"
        f"if os.getpid() != {os.getpid()}:\n"
        "    time.sleep(60)\n"
        "plugin = Fading()\n"
    )
    results = outcomes("hanging", Registry((), folders=[tmp_path]))
    failed = {check: one.detail for check, one in results.items() if not one.ok}
    told = "in another process: it gave no answer in 0.05 s"
    assert {"light_import": told, "same_pixels_in_another_process": told} == failed


def test_what_a_plugin_prints_does_not_get_between(tmp_path: Path) -> None:
    """Neither at its import nor in its hooks."""
    (tmp_path / "chatty.py").write_text(
        "print('hello')\n"
        "from videossr import hookimpl\n"
        "from videossr.testing.toys import Fading\n"
        "class Chatty(Fading):\n"
        "    @hookimpl\n"
        "    def perturb(self, clip, config, rng):\n"
        "        print('{}')\n"
        "        return super().perturb(clip, config, rng)\n"
        "plugin = Chatty()\n"
    )
    results = outcomes("chatty", Registry((), folders=[tmp_path]))
    assert {"passed"} == {result.outcome for result in results.values()}


def test_kinds_that_do_not_exist_have_no_checks() -> None:
    """There is nothing to check of what is no plugin."""
    with pytest.raises(KeyError):
        checks_for("unknown")
