"""What a reader of the report has to know beside the figures: how they came about, and what they hide."""

from __future__ import annotations

from collections import defaultdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from videossr_trainers.ablations.results import UNKNOWN
from videossr_trainers.ablations.series import differing
from videossr_trainers.modifiers import entries_around

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from videossr_trainers.ablations.findings import Finding
    from videossr_trainers.ablations.results import Exam, Result, Results
    from videossr_trainers.ablations.series import Series

_HOW: Final = (
    (
        "Rewards are normalised, in percent: 0 is the blind floor, what the best answer earns that "
        "never sees the picture, and 100 a right answer to every question. The mean is that of the "
        "tasks, each counting alike."
    ),
    (
        "Intervals are 95 % bootstrap intervals that draw seeds, and then videos with all of their "
        "questions. A few seeds say little of how seeds differ, so these intervals are rather too "
        "narrow. That of zero variance is the range over seeds."
    ),
)

#: What a commit ends in where the tree held changes that no commit has.
_DIRTY: Final = "-dirty"


def notes_of(findings: Sequence[Finding], results: Results) -> list[str]:
    """How the figures came about, what of them does not compare, and what is missing."""
    every = [one.series for one in findings]
    notes = [*_HOW, *_several_exams(every), *_several_series(every), *_one_seed(findings)]
    for one in findings:
        notes += _pairing(one)
    notes += _rewards(findings)
    notes += _other_code(_runs(findings))
    if results.unfinished:
        notes.append(f"Not done: {'; '.join(results.unfinished)}.")
    notes += [f"Left out, since it cannot be read: {one}" for one in results.unreadable]
    return notes


def facts_of(findings: Sequence[Finding]) -> dict[str, str]:
    """What the runs were, in a few words each."""
    runs = _runs(findings)
    exams = dict.fromkeys(one.series.exam for one in findings)
    return {
        "scale": _all(run.facts.get("scale", UNKNOWN) for run in runs),
        "seeds": ", ".join(map(str, sorted({run.seed for run in runs}))),
        "held-out questions": "; ".join(map(_exam, exams)),
        "blind floors": "; ".join(map(_floors, exams)),
        "versions": _versions(run.facts["versions"] for run in runs),
        "plugins": _versions(_plugins(run) for run in runs),
        "commits": _all(commit for run in runs for commit in run.commits),
        "launchers": _all(_launcher(run) for run in runs),
        "reported by": f"videossr-trainers {version('videossr-trainers')}",
    }


def _runs(findings: Iterable[Finding]) -> list[Result]:
    return [run for one in findings for run in one.series.runs]


def _all(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))


def _several_exams(every: Sequence[Series]) -> Iterator[str]:
    by_exam: dict[Exam, list[str]] = defaultdict(list)
    for one in every:
        by_exam[one.exam].append(one.label)
    if len(by_exam) > 1:
        told = "; ".join(
            f"{exam.digest}, {exam.decoding}: {', '.join(labels)}"
            for exam, labels in by_exam.items()
        )
        yield (
            "Not all answered the same questions in the same way, and figures of different ones do not "
            f"compare. By the digest of the questions and the decoding: {told}."
        )


def _several_series(every: Sequence[Series]) -> Iterator[str]:
    """Of one name: what the later ones have otherwise than the first."""
    by_name: dict[str, list[Series]] = defaultdict(list)
    for one in every:
        by_name[one.name].append(one)
    for name, (first, *others) in by_name.items():
        if others:
            told = [f"{first.label} is of {_seeds(first.seeds)}"]
            for one in others:
                unlike = differing(one.config, first.config)
                unlike += ["other questions"] if one.exam != first.exam else []
                unlike = unlike or ["another counterpart"]
                told.append(f"{one.label} is of {_seeds(one.seeds)}, with {', '.join(unlike)}")
            yield f"{name} was not run alike for all seeds, so they are shown apart: {'; '.join(told)}."


def _one_seed(findings: Sequence[Finding]) -> Iterator[str]:
    alone = [one.series.label for one in findings if len(one.series.runs) == 1]
    if alone:
        yield f"One seed alone, so that the interval is over videos only: {', '.join(alone)}."
    compared = [
        one.series.label
        for one in findings
        if len(one.pairing.pairs) == 1 and len(one.series.runs) > 1
    ]
    if compared:
        yield (
            "Compared on one seed alone, so that the interval of the difference is over videos only: "
            f"{', '.join(compared)}."
        )


def _pairing(one: Finding) -> Iterator[str]:
    """What a series is compared with, where that is not all of it."""
    label, against = one.series.label, one.series.against
    if not against:
        return
    why = "; ".join(f"{_seeds(seeds)}: {against} {reason}" for seeds, reason in one.pairing.reasons)
    if not one.pairing.pairs:
        yield f"{label} is to be compared with {against}, and is not. {_capital(why)}."
        return
    if why:
        common = _seeds([run.seed for run, _ in one.pairing.pairs])
        yield f"{label} is compared with {one.pairing.against} on {common} alone. {_capital(why)}."
    if one.series.against_config is None:
        yield (
            f"{label} was run by a version that did not note the settings of {against}: that these are "
            "the ones it is compared with is not known."
        )


def _rewards(findings: Sequence[Finding]) -> Iterator[str]:
    """Where curves of one task are not under one reward."""
    every = dict.fromkeys(task for one in findings for task in one.series.config["tasks"])
    told: dict[str, list[str]] = defaultdict(list)
    for task in every:
        labels: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for one in findings:
            if task in one.series.config["tasks"]:
                labels[*entries_around(task, one.series.config)].append(one.series.label)
        if len(labels) > 1:
            groups = (
                f"under {', '.join(names) or 'none'}: {', '.join(labels[names])}"
                for names in labels
            )
            told["; ".join(groups)].append(task)
    for under, tasks in told.items():
        of = "" if len(tasks) == len(every) else f" of {', '.join(tasks)}"
        yield (
            f"Learning curves and zero variance{of} are under the reward that was trained on, which a "
            f"modifier may change, so they compare only under the same modifiers. {_capital(under)}."
        )


def _other_code(runs: Sequence[Result]) -> Iterator[str]:
    """Where runs were not made by the same code, or not started alike."""
    versions: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        for name, own in _plugins(run).items():
            versions[name].add(own)
    for name, found in sorted(versions.items()):
        if len(found) > 1:
            yield f"The plugin {name} was of several versions in these runs: {_all(found)}."
    commits = {commit for run in runs for commit in run.commits}
    if len(commits) > 1:
        yield f"Runs and what they share were made at several commits: {_all(commits)}."
    changed = {commit for commit in commits if commit.endswith(_DIRTY)}
    if changed:
        yield f"With changes that no commit has: {_all(changed)}."
    launchers = {_launcher(run) for run in runs}
    if len(launchers) > 1:
        yield f"Runs were started in several ways, by processes perhaps of other number: {_all(launchers)}."


def _exam(exam: Exam) -> str:
    videos = len(set(exam.video))
    return f"{len(exam.keys)} about {videos} videos, digest {exam.digest}"


def _floors(exam: Exam) -> str:
    each = zip(exam.tasks, exam.floors, strict=True)
    return ", ".join(f"{task} {floor:.3f}" for task, floor in each)


def _plugins(run: Result) -> dict[str, str]:
    plugins: Mapping[str, Mapping[str, Any]] = run.facts["plugins"]
    return {name: facts["plugin_version"] for name, facts in plugins.items()}


def _launcher(run: Result) -> str:
    """How the run was started; one of an older version does not say."""
    launcher = run.facts.get("launcher", UNKNOWN)
    return str(launcher) or "no launcher"


def _versions(each: Iterable[Mapping[str, str]]) -> str:
    """Names with their versions, all of them where there were several."""
    found: dict[str, set[str]] = defaultdict(set)
    for versions in each:
        for name, number in versions.items():
            found[name].add(number)
    return ", ".join(f"{name} {' and '.join(sorted(own))}" for name, own in sorted(found.items()))


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
