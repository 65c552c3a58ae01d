"""Every check of the conformance kit fails for a plugin that breaks its rule, and for no other."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from videossr.discovery import GROUP
from videossr.registry import Registry
from videossr.testing import check_plugin, checks_for
from videossr.testing.settings import own_plugins

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.origin import Kind


class Case(NamedTuple):
    """A plugin that breaks one rule."""

    plugin: str  # in breaking_plugins
    kind: Kind
    check: str
    detail: str  # part of it

    @property
    def registry(self) -> Registry:
        """In which it stands alone, so that it is found in another process too."""
        return Registry([EntryPoint(self.plugin, f"breaking_plugins:{self.plugin}", GROUP)])


KINDS: Final[tuple[Kind, ...]] = ("task", "perturbation", "modifier")

CASES: Final = [
    Case("needy", "perturbation", "example_fits", "strength: Field required; give the plugin an"),
    Case("wordy", "perturbation", "describes_itself", r"summary is 'Darken\nthe picture'; must be"),
    Case("forgetful", "perturbation", "config_round_trips", "strength=3) is written out and read"),
    Case("careless", "perturbation", "config_rejects_extras", "passes; give Config `extra="),
    Case("carelessinside", "perturbation", "config_rejects_extras", "inner takes fields of any"),
    Case("terse", "perturbation", "config_documented", "strength has no description; give it"),
    Case("boundless", "perturbation", "config_documented", "seconds is a number without bounds"),
    Case("steep", "task", "config_documented", "frames is a number without bounds on both sides"),
    Case("numpywriter", "task", "source_untouched", "wrote to the clip, its frames; must work"),
    Case("numpytimeswriter", "task", "source_untouched", "wrote to the clip, its times; must work"),
    Case("inplacewriter", "task", "source_untouched", "wrote to the clip, its frames; must work"),
    Case(
        "neverhard", "task", "every_level_generates", "at hard every clip is unsuitable: too hard"
    ),
    Case("choosy", "task", "every_level_generates", "at easy every clip is unsuitable: not nice"),
    Case("raising", "task", "every_level_generates", "raised ZeroDivisionError: of frames; make"),
    Case("remembering", "task", "same_seed_same_sample", "a second call made another sample; must"),
    Case("hashing", "task", "same_sample_in_another_process", "another process made other samples"),
    Case("fixedwheneasy", "task", "different_seeds_differ", "at easy 8 seeds made one sample of a"),
    Case("invisible", "task", "change_is_visible", "what is shown is the same for the answers"),
    Case("framecounter", "task", "answer_times_are_frame_times", "must be a frame's own time"),
    Case("astray", "task", "marks_lie_in_the_clips", "frames; must lie in the clips"),
    Case("unmoved", "task", "harder_is_harder", "samples at easy and hard are the same; something"),
    Case("undifficult", "task", "harder_is_harder", "frames follows the difficulty, which make_sa"),
    Case("narrowing", "task", "harder_is_harder", "must not be easier to guess"),
    Case("offscale", "task", "schedule_in_range", "returned 1.02; must return a number in [0, 1]"),
    Case("wavering", "task", "schedule_in_range", "at progress 0.01 two calls differ; must keep"),
    Case("rounding", "task", "true_answer_scores_one", "scores 0.95"),
    Case("choking", "task", "hostile_answers_score", "raised ValueError: Exceeds the limit (4300"),
    Case("moody", "task", "same_answer_same_score", "must depend on its arguments alone"),
    Case("plateau", "task", "reward_falls_with_corruption", "earn 1.000, 0.500, 0.500, 0.500 on"),
    Case(
        "mumbling", "task", "reward_falls_with_corruption", "gave 'soon', which the reward cannot"
    ),
    Case(
        "stumbling", "task", "reward_falls_with_corruption", "near_misses raised LookupError: no n"
    ),
    Case("bribable", "task", "reward_falls_with_corruption", "garbage 0.900; must fall"),
    Case("tight", "task", "prompt_states_the_format", "'When does it turn negative?'; give an ex"),
    Case("gossip", "task", "blind_floor_is_measured", "is 1.000 (easy 1.000, train 1.000, hard 1."),
    Case(
        "pictorial", "task", "blind_floor_is_measured", "at easy, train, hard it refuses noise in"
    ),
    Case("numpypainter", "perturbation", "source_untouched", "wrote to the clip, its frames; must"),
    Case("inplacepainter", "perturbation", "source_untouched", "wrote to the clip, its frames"),
    Case(
        "cropping", "perturbation", "keeps_shape_and_dtype", "returned torch.uint8 [7, 3, 32, 47]"
    ),
    Case(
        "floating", "perturbation", "keeps_shape_and_dtype", "returned torch.float32 [48, 3, 64, "
    ),
    Case("restless", "perturbation", "same_seed_same_pixels", "a second call made other pixels"),
    Case("salted", "perturbation", "same_pixels_in_another_process", "process made other pixels"),
    Case("constant", "perturbation", "different_seeds_differ", "16 seeds made the same pixels; mu"),
    Case("faint", "perturbation", "change_is_visible", "change by 1.00 levels; must be 3 or more"),
    Case("seer", "perturbation", "visible_tells", "that have not changed count as visibly altered"),
    Case(
        "blind", "perturbation", "visible_tells", "of 6 textured clips it is visible on none; must"
    ),
    Case("returning", "perturbation", "involution_holds", "applied twice it does not; must give"),
    Case("turning", "perturbation", "involution_holds", "it gives the frames back; must say so by"),
    Case(
        "sentence",
        "perturbation",
        "says_what_changes",
        "phrase is 'The picture is darkened.'; must",
    ),
    Case(
        "refusing", "perturbation", "keeps_shape_and_dtype", "clip is unsuitable: not nice; must a"
    ),
    Case("frozen", "perturbation", "own_memory", "what it returned is a view of the clip; must re"),
    Case("thrifty", "perturbation", "own_memory", "two calls returned the same memory; must retu"),
    Case(
        "pointless", "modifier", "wraps_something", "which wraps no hook; must have wrappers of any"
    ),
    Case("sharing", "modifier", "wraps_something", "two runs got the same object; must make a new"),
    Case("doubling", "modifier", "keeps_scores_in_range", "returned 2.0; must return a number in"),
    Case("jittering", "modifier", "keeps_scores_in_range", "scores 1 and then 0.5; must stay"),
    Case("lenient", "modifier", "keeps_outcomes", "scores 0; must raise Unparsable as it came"),
    Case("rewording", "modifier", "keeps_outcomes", "will not do; must raise Unsuitable as it cam"),
    Case("pushing", "modifier", "keeps_difficulty_in_range", "returned 1.01; must return a number"),
    Case("marking", "modifier", "keeps_samples_deterministic", "a second call made another sample"),
    Case("dimming", "modifier", "keeps_samples_deterministic", "a second call made other pixels"),
    Case("salting", "modifier", "same_sample_in_another_process", "another process made others; m"),
    Case("unmeasured", "modifier", "measurements_are_figures", "{'mean': nan}; must return a dict"),
]

#: Those that leave nothing for the other checks to look at: their one failure is the last result.
HOPELESS: Final = {
    "needy",
    "inplacewriter",
    "choosy",
    "raising",
    "inplacepainter",
    "floating",
    "refusing",
    "pointless",
}

HEAVY: Final = """
import numpy

from videossr.testing.toys import Fading

plugin = Fading()
"""


@pytest.mark.parametrize("case", CASES, ids=[f"{case.plugin}-{case.check}" for case in CASES])
def test_a_broken_rule_fails_its_check_and_no_other(case: Case) -> None:
    """The check says what was found and what is right; all others pass."""
    results = check_plugin(case.plugin, registry=case.registry)
    failed = {result.check: result.detail for result in results if not result.ok}
    assert {case.check} == failed.keys()
    assert case.detail in failed[case.check]
    ids = [check.id for check in checks_for(case.kind)]
    run = ids[: ids.index(case.check) + 1] if case.plugin in HOPELESS else ids
    assert run == [result.check for result in results]


def test_a_heavy_module_fails_the_light_import(tmp_path: Path) -> None:
    """A loose file that imports NumPy; it keeps all other rules, in another process too."""
    (tmp_path / "heavy.py").write_text(HEAVY)
    results = check_plugin("heavy", registry=Registry((), folders=[tmp_path]))
    failed = {result.check: result.detail for result in results if not result.ok}
    assert {"light_import"} == failed.keys()
    assert (
        f"importing {tmp_path / 'heavy.py'}:plugin imports numpy; import" in failed["light_import"]
    )


def test_every_check_is_broken_by_somebody() -> None:
    """A check that nobody fails has not been tested."""
    broken = {(case.kind, case.check) for case in CASES}
    # Those of any plugin are broken by one of any kind, the light import by a file of its own.
    of_all = set.intersection(*({check.id for check in checks_for(kind)} for kind in KINDS))
    broken |= {(kind, check) for kind in KINDS for _, check in broken if check in of_all}
    broken |= {(kind, "light_import") for kind in KINDS}
    assert broken == {(kind, check.id) for kind in KINDS for check in checks_for(kind)}


@pytest.mark.parametrize("name", own_plugins().names)
def test_the_kits_own_plugins_keep_every_rule(name: str) -> None:
    """All checks pass, without a failure that is expected."""
    results = check_plugin(name, registry=own_plugins())
    assert [] == [result for result in results if result.outcome != "passed"]


@pytest.mark.parametrize("name", ["apart", "latest"])
def test_a_task_of_few_clips_keeps_every_rule(name: str) -> None:
    """It may take other clips at each level, or one alone, which the floor is then measured on."""
    points = [EntryPoint(name, f"breaking_plugins:{name}", GROUP)]
    results = check_plugin(name, registry=Registry(points))
    assert [] == [result for result in results if result.outcome != "passed"]


def test_a_time_is_judged_by_its_own_decimals() -> None:
    """One that is written with fewer than its neighbour is rounded further."""
    points = [EntryPoint("spanning", "breaking_plugins:spanning", GROUP)]
    results = check_plugin("spanning", registry=Registry(points))
    assert [] == [result for result in results if result.outcome != "passed"]


def test_a_modifier_that_does_nothing_keeps_every_rule() -> None:
    """Wrappers around everything that return what they got."""
    points = [EntryPoint("wrappers", "breaking_plugins:wrappers", GROUP)]
    results = check_plugin("wrappers", registry=Registry(points))
    assert [] == [result for result in results if result.outcome != "passed"]


def test_every_rule_is_stated_in_one_line() -> None:
    """Ids are names, rules are sentences, and no two checks of a kind share an id."""
    for kind in KINDS:
        checks = checks_for(kind)
        assert len(checks) == len({check.id for check in checks})
        assert all(check.id.isidentifier() for check in checks)
        assert all(check.rule.endswith(".") and "\n" not in check.rule for check in checks)
