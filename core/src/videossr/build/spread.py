"""Which video each question is about: as many different ones as there are, and evenly."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class Spread:
    """How often each video is asked about, over all tasks, and who comes next.

    Args:
        videos: how many there are; they go by their numbers.
    """

    def __init__(self, videos: int) -> None:
        self.loads = [0] * videos

    def take(self, wanted: int, order: Sequence[int]) -> list[int]:
        """Videos for so many questions of one task.

        Those come first that were asked about least, over all tasks and then by this one.

        Args:
            wanted: questions.
            order: the videos that can carry them, and which comes first of two that are alike in that.
        """
        waiting = [(self.loads[video], 0, rank) for rank, video in enumerate(order)]
        heapq.heapify(waiting)
        taken = []
        for _ in range(wanted):
            load, own, rank = waiting[0]
            heapq.heapreplace(waiting, (load + 1, own + 1, rank))
            taken.append(order[rank])
            self.loads[order[rank]] += 1
        return taken


class Substitutes:
    """Videos of one task for the questions that their own could not carry, for one round of them.

    Those that have failed least come first, then those that are asked about least, over all tasks and then
    by this one. Within the round videos are only ever asked about more often. Of other tasks it counts
    what was planned, not what came of it, so that nothing which befalls one task is seen in another.

    Args:
        beside: how often each video is planned to be asked about by the other tasks.
        order: the videos of the task.
        failures: how often each could not carry a question of the task.
        own: how often each is asked about by this task.
    """

    def __init__(
        self,
        beside: Sequence[int],
        order: Sequence[int],
        failures: Mapping[int, int],
        own: Mapping[int, int],
    ) -> None:
        self._own = Counter(own)
        self._beside = beside
        self._ranks = {video: rank for rank, video in enumerate(order)}
        self._failures = failures
        self._waiting = [self._entry(video) for video in order]
        heapq.heapify(self._waiting)

    def _entry(self, video: int) -> tuple[int, int, int, int, int]:
        own = self._own[video]
        seen = self._beside[video] + own, own
        return self._failures.get(video, 0), *seen, self._ranks[video], video

    def take(self, tried: Collection[int], broken: Collection[int]) -> int | None:
        """The next video for a question, or None where there is no other.

        Args:
            tried: videos that could not carry it.
            broken: videos that cannot be decoded; they never come again.
        """
        passed = []
        chosen = None
        while self._waiting and chosen is None:
            entry = heapq.heappop(self._waiting)
            video = entry[-1]
            if video in broken:
                continue
            if video in tried:
                passed.append(entry)
            else:
                chosen = video
        if chosen is not None:
            self._own[chosen] += 1
            passed.append(self._entry(chosen))
        for entry in passed:
            heapq.heappush(self._waiting, entry)
        return chosen
