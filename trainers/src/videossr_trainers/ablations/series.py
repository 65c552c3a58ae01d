"""Which runs belong together, and which of them may be compared: by what they answered and their settings.

A folder may hold runs of other settings or other videos under one name, since seeds are run when somebody
asks for them. What differs by more than the seed is shown apart, and paired with none.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videossr_trainers.training.provenance import other_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from videossr_trainers.ablations.results import Exam, Result


@dataclass(frozen=True, slots=True)
class Series:
    """Runs of one ablation that differ by their seeds alone.

    Attributes:
        label: the name, with a number where there are several series of it.
        runs: by seed, at least one.
    """

    label: str
    runs: tuple[Result, ...]

    @property
    def name(self) -> str:
        """Of the ablation."""
        return self.runs[0].name

    @property
    def exam(self) -> Exam:
        """What all of them answered."""
        return self.runs[0].exam

    @property
    def config(self) -> Mapping[str, Any]:
        """That of all of them, but for the seed."""
        config: Mapping[str, Any] = self.runs[0].facts["config"]
        return config

    @property
    def against(self) -> str:
        """The name of the ablation that they are to be compared with; empty for none."""
        return self.runs[0].against

    @property
    def against_config(self) -> Mapping[str, Any] | None:
        """The configuration of that one as they saw it; None where they have not noted it."""
        return self.runs[0].against_config

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those that were run."""
        return tuple(run.seed for run in self.runs)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Runs of a series, each with the run of its seed that it is compared with.

    Attributes:
        against: the labels of the series that these are of; empty where there is none.
        pairs: run and counterpart.
        reasons: why other runs have none, as the seeds and words.
    """

    against: str
    pairs: tuple[tuple[Result, Result], ...]
    reasons: tuple[tuple[tuple[int, ...], str], ...]


def series_of(results: Mapping[str, Sequence[Result]]) -> list[Series]:
    """The runs as series: those of one exam together, and there those first that are compared with none."""
    found = []
    for name, runs in results.items():
        alike: list[list[Result]] = []
        for run in runs:
            own = next((some for some in alike if _alike(some[0], run)), None)
            if own is None:
                alike.append(own := [])
            own.append(run)
        for number, some in enumerate(alike, 1):
            label = name if len(alike) == 1 else f"{name} [{number}]"
            found.append(Series(label, tuple(some)))
    found.sort(key=lambda one: (bool(one.against), one.label))
    exams = list(dict.fromkeys(one.exam for one in found))
    return sorted(found, key=lambda one: exams.index(one.exam))


def _alike(one: Result, other: Result) -> bool:
    """Whether two runs differ by their seeds at most, and so do those that they are to be compared with."""
    seen, other_seen = one.against_config, other.against_config
    return (
        (one.exam, one.against, seen is None) == (other.exam, other.against, other_seen is None)
        and not differing(one.facts["config"], other.facts["config"])
        and not differing(seen or {}, other_seen or {})
    )


def pairing(one: Series, every: Sequence[Series]) -> Pairing:
    """The runs that a series is compared with: of the same seeds, the same questions, the settings it saw."""
    theirs = {
        run.seed: (other, run) for other in every if other.name == one.against for run in other.runs
    }
    pairs: list[tuple[Result, Result]] = []
    labels: dict[str, None] = {}
    reasons: dict[str, list[int]] = defaultdict(list)
    for run in one.runs if one.against else ():
        if run.seed not in theirs:
            reasons["has no such run here"].append(run.seed)
            continue
        series, counterpart = theirs[run.seed]
        reason = _unlike(one, series)
        if reason:
            reasons[reason].append(run.seed)
        else:
            labels[series.label] = None
            pairs.append((run, counterpart))
    return Pairing(
        " and ".join(labels),
        tuple(pairs),
        tuple((tuple(seeds), reason) for reason, seeds in reasons.items()),
    )


def _unlike(one: Series, other: Series) -> str:
    """Why two series cannot be compared; empty where they can."""
    if one.exam != other.exam:
        return "answered other questions, or with other decoding"
    if one.against_config is None:
        return ""
    unlike = differing(other.config, one.against_config)
    return f"was run with other settings: {', '.join(unlike)}" if unlike else ""


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The settings in which two configurations differ, such as `grpo.max_steps 150, not 300`.

    But for the seed, and those that leave a result as it is, as for a run that goes on.
    """
    tasks = [*one["tasks"].values(), *other["tasks"].values()] if one and other else []
    adaptive = any("adaptive" in str(task.get("difficulty")) for task in tasks)
    unlike = other_settings(other, one, ("seed",), follows_rewards=adaptive)
    here, there = dict(_walk(one, "")), dict(_walk(other, ""))
    return [
        f"{place} {here.get(place, 'left out')}, not {there.get(place, 'left out')}"
        for place in (mistake.where for mistake in unlike)
    ]


def _walk(tree: object, place: str) -> Iterator[tuple[str, Any]]:
    """The leaves of a tree by their dotted names."""
    if isinstance(tree, dict) and tree:
        for name, branch in tree.items():
            yield from _walk(branch, f"{place}.{name}" if place else str(name))
    else:
        yield place, tree
