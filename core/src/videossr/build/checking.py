"""Rendering every question of a plan once, and finding another video for those that will not do."""

from __future__ import annotations

from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from videossr.build.planning import Slot, counted
from videossr.build.spread import Substitutes
from videossr.engine import Local
from videossr.errors import DatasetError, Unsuitable, VideoError
from videossr.threads import one_torch_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from videossr.build.planning import Plan
    from videossr.dataset import Recipe
    from videossr.engine import Each, Engine
    from videossr.journal import Journal
    from videossr.render import Renderer

    #: A question and the number of the video that is tried for it.
    Try = tuple[Slot, int]

#: Videos that are tried for one question before the build ends.
_TRIES: Final = 64


@dataclass(slots=True)
class _Found:
    """What a question turned out to be about a video: a sample's words and digest, or why there is none.

    Attributes:
        unsuitable: why the video cannot carry it.
        broken: why the video cannot be decoded.
        donor_broken: why the video that frames are borrowed from cannot.
    """

    question: str = ""
    answer: str = ""
    digest: str = ""
    unsuitable: str = ""
    broken: str = ""
    donor_broken: str = ""

    @property
    def problem(self) -> str:
        return self.unsuitable or self.broken or self.donor_broken


@dataclass(slots=True)
class Checked:
    """What came of a plan.

    Attributes:
        made: the number of the video, question, answer and digest of each question.
        left_out: for each task the reasons why videos were passed over, counted.
        broken: videos that could not be decoded, with the reason, by path.
    """

    made: dict[Slot, tuple[int, str, str, str]] = field(default_factory=dict)
    left_out: dict[str, Counter[str]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def recipes(self, plan: Plan) -> Iterator[Recipe]:
        """The recipes as they turned out, task by task."""
        for slot in plan.slots():
            video, question, answer, digest = self.made[slot]
            recipe = plan.recipe(slot, video)
            yield replace(recipe, question=question, answer=answer, digest=digest)


def check(
    plan: Plan,
    renderer: Renderer,
    *,
    engine: Engine | None = None,
    journal: Journal | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Checked:
    """Render every question of a plan.

    It goes in rounds: when all questions have been tried, those whose videos would not do get other
    videos, in the questions' order, and are tried again. So the outcome does not depend on which was
    tried first; and that of one task on nothing that befalls another.

    Args:
        plan: what is to be asked.
        renderer: with the plan's own configuration.
        engine: where they are rendered; by default one after the other, here.
        journal: where outcomes are kept, and taken from where they are there already.
        progress: called with questions done and questions in all.

    Raises:
        DatasetError: none of the videos tried can carry some question.
        PluginError: a hook failed.
    """
    checked = Checked()
    known = _remembered(journal)
    failures: dict[str, Counter[int]] = {name: Counter() for name in plan.sizes}
    tried: dict[Slot, list[int]] = {}
    reasons: dict[Slot, list[str]] = {}
    broken: dict[str, set[int]] = {name: set() for name in plan.sizes}
    beside = {name: plan.load_beside(name) for name in plan.sizes}
    pending: list[Try] = [(slot, plan.video(slot)) for slot in plan.slots()]
    with (engine or Local()).at(Looking(renderer), together=lambda one: one[1].video) as each:
        while pending:
            failed = []
            with closing(_round(pending, plan, each, known, journal)) as results:
                for (slot, video), found in results:
                    if not found.problem:
                        checked.made[slot] = video, found.question, found.answer, found.digest
                        if progress:
                            progress(len(checked.made), len(plan))
                        continue
                    failed.append((slot, video, found))
            pending = []
            for slot, video, found in sorted(failed, key=lambda one: one[:2]):
                failures[slot.task][video] += 1
                if found.broken:
                    broken[slot.task].add(video)
                    checked.broken[plan.videos[video].path] = found.broken
                elif found.donor_broken:
                    checked.broken[plan.recipe(slot, video).donor] = found.donor_broken
                else:
                    checked.left_out.setdefault(slot.task, Counter())[found.unsuitable] += 1
                tried.setdefault(slot, []).append(video)
                reasons.setdefault(slot, []).append(found.problem)
            asked = {name: Counter[int]() for name in plan.sizes}
            for slot, (video, *_) in checked.made.items():
                asked[slot.task][video] += 1
            substitutes = {
                name: Substitutes(beside[name], plan.able(name), failures[name], asked[name])
                for name in {slot.task for slot, *_ in failed}
            }
            for slot, *_ in sorted(failed, key=lambda one: one[:2]):
                others, away = substitutes[slot.task], broken[slot.task]
                pending.append((slot, _another(slot, plan, others, tried, away, reasons)))
    return checked


def _another(
    slot: Slot,
    plan: Plan,
    substitutes: Substitutes,
    tried: Mapping[Slot, Sequence[int]],
    broken: set[int],
    reasons: Mapping[Slot, Sequence[str]],
) -> int:
    """Another video for a question.

    Raises:
        DatasetError: there is none, or enough have been tried.
    """
    another = None
    if len(tried[slot]) < _TRIES:
        another = substitutes.take(tried[slot], broken)
    if another is not None:
        return another
    why = counted(Counter(reasons[slot]))
    listed = "; ".join(f"{often} x {reason}" for reason, often in why.items())
    raise DatasetError(
        f"task {slot.task!r}: none of {len(tried[slot])} videos that were tried, of {len(plan.videos)}, "
        f"can carry question {slot.number}: {listed}"
        + (f"; {len(broken)} more cannot be decoded" if (broken := broken - {*tried[slot]}) else "")
    )


def _round(
    pending: Sequence[Try],
    plan: Plan,
    each: Each[tuple[Try, Recipe], _Found],
    known: Mapping[Try, _Found],
    journal: Journal | None,
) -> Generator[tuple[Try, _Found]]:
    """What each of some questions turns out to be, in the order in which they come."""
    yield from ((one, known[one]) for one in pending if one in known)
    # Questions about one video follow each other, so that its clips are still in memory.
    missing = sorted((one for one in pending if one not in known), key=lambda one: (one[1], one[0]))
    with closing(each((one, plan.recipe(*one)) for one in missing)) as results:
        for (one, _), found in results:
            # A file that cannot be read now may be read next time.
            if journal is not None and not (found.broken or found.donor_broken):
                journal.add(_entry(one, found))
            yield one, found


@dataclass(frozen=True)
class Looking:
    """The work of a build: a question about a video in, what it turns out to be out."""

    renderer: Renderer

    @contextmanager
    def begin(self) -> Iterator[Callable[[tuple[Try, Recipe]], _Found]]:
        """As `Work.begin`."""
        with one_torch_thread():
            yield lambda one: _look(one[1], self.renderer)


def _look(recipe: Recipe, renderer: Renderer) -> _Found:
    try:
        sample = renderer.make(recipe)
    except Unsuitable as error:
        return _Found(unsuitable=str(error) or "no reason given")
    except VideoError as error:
        detail = error.detail or error.reason
        borrowed = recipe.donor and error.path == str(renderer.root / recipe.donor)
        return _Found(donor_broken=detail) if borrowed else _Found(broken=detail)
    return _Found(sample.question, sample.answer, sample.digest())


def _entry(one: Try, found: _Found) -> list[Any]:
    (task, index), video = one
    return [task, index, video, *astuple(found)]


def _remembered(journal: Journal | None) -> dict[Try, _Found]:
    entries = journal.entries if journal is not None else ()
    return {
        (Slot(task, index), video): _Found(*outcome) for task, index, video, *outcome in entries
    }
