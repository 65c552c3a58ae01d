"""An ablation laid over a scale: a configuration, and what it is compared with there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videossr import ConfigError
from videossr.config import load_config
from videossr.errors import Mistake
from videossr_trainers.ablations.presets import chain
from videossr_trainers.ablations.section import AblationSection
from videossr_trainers.sections import WarmStartSection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videossr.config import RunConfig
    from videossr_trainers.ablations.presets import Ablation


@dataclass(frozen=True, slots=True)
class Variant:
    """An ablation at a scale.

    Attributes:
        name: of the ablation.
        config: resolved.
        root: the configuration of the last one that it is compared with, directly or not, which the exam
            is made of, so that all of them answer the same questions.
        against: the name of the one that it is compared with; empty for none.
        same_as: the name of one that it is compared with and does not differ from at this scale; empty
            where it differs.
        counterpart: the configuration of the one that it is compared with; None for none.
        start: the configuration of the warm start, where it is another than `config`.
        counterpart_start: the same of the one that it is compared with.
    """

    name: str
    config: RunConfig
    root: RunConfig
    against: str
    same_as: str
    counterpart: RunConfig | None = None
    start: RunConfig | None = None
    counterpart_start: RunConfig | None = None


class Variants:
    """The ablations at a scale, each resolved once.

    Args:
        ablations: all that there are.
        scale: a preset's name, or a YAML file.
        overrides: `key=value`, laid over the ablation.
        folders, allow: of plugins, as `load_config` takes them.
    """

    def __init__(
        self,
        ablations: Mapping[str, Ablation],
        scale: str,
        overrides: Sequence[str] = (),
        *,
        folders: Sequence[Path] = (),
        allow: Sequence[str] | None = None,
    ) -> None:
        self.ablations = ablations
        self.scale = scale
        self._overrides = overrides
        self._folders = folders
        self._allow = allow
        self._resolved: dict[str, RunConfig] = {}
        self._starts: dict[str | Path, RunConfig] = {}

    @property
    def label(self) -> str:
        """The scale's name, which a folder can have."""
        return Path(self.scale).stem

    def config(self, name: str) -> RunConfig:
        """The configuration of an ablation.

        Raises:
            ConfigError: with every mistake there is.
        """
        if name not in self._resolved:
            self._resolved[name] = load_config(
                [self.scale, self.ablations[name].path],
                self._overrides,
                folders=self._folders,
                allow=self._allow,
            )
        return self._resolved[name]

    def start(self, name: str) -> RunConfig | None:
        """The configuration of the warm start of an ablation, where it has one of its own.

        What is laid over on the command line is laid over the ablation, and not over this.

        Raises:
            ConfigError: with every mistake there is.
        """
        config = self.config(name)
        start = config.section(AblationSection).start
        if start is None:
            return None
        if config.section(WarmStartSection).steps:
            problem = "given together with ablation.start, whose warm start it is that the runs begin with"
            raise ConfigError(
                Mistake("warm_start.steps", problem, "set it to 0, or leave out the other")
            )
        folders = (self.ablations[name].path.parent, Path(self.scale).parent)
        beside = next((path for path in (one / start for one in folders) if path.is_file()), start)
        if beside not in self._starts:
            found = load_config(beside, folders=self._folders, allow=self._allow)
            if not found.section(WarmStartSection).steps:
                problem = "has no warm start"
                raise ConfigError(Mistake(f"{beside}: warm_start.steps", problem, "give it some"))
            self._starts[beside] = found
        return self._starts[beside]

    def variant(self, name: str) -> Variant:
        """An ablation at this scale.

        Raises:
            ConfigError: its configuration, or one that it is compared with, has mistakes.
        """
        names = chain(name, self.ablations)
        same = self._same(names)
        against = next((self.alias(other) for other in names[1:] if self.alias(other) != name), "")
        return Variant(
            name,
            self.config(name),
            self.config(names[-1]),
            against,
            same,
            self.config(against) if against else None,
            self.start(name),
            self.start(against) if against else None,
        )

    def variants(self, names: Sequence[str]) -> list[Variant]:
        """Some of them.

        Raises:
            ConfigError: with every mistake of all of them.
        """
        found = []
        mistakes: dict[Mistake, list[str]] = defaultdict(list)
        for name in names:
            try:
                found.append(self.variant(name))
            except ConfigError as error:
                for one in error.mistakes:
                    mistakes[one].append(name)
        if mistakes:
            raise ConfigError([_told_of(one, having, names) for one, having in mistakes.items()])
        return found

    def alias(self, name: str) -> str:
        """The last of those that it is compared with and does not differ from, or its own name."""
        return self._same(chain(name, self.ablations)) or name

    def _same(self, names: Sequence[str]) -> str:
        same = ""
        for other in names[1:]:
            if self._settings(other) == self._settings(names[0]):
                same = other
        return same

    def _settings(self, name: str) -> tuple[object, ...]:
        """All that runs of two names may differ in."""
        start = self.start(name)
        return told(self.config(name)), start and told(start)


def _told_of(mistake: Mistake, having: Sequence[str], names: Sequence[str]) -> Mistake:
    """A mistake with the ablations that have it; one that all have lies in what they are laid over."""
    if len(having) == len(names) > 1:
        return mistake
    where = f"{', '.join(having)}: {mistake.where}"
    return Mistake(where, mistake.problem, mistake.right)


def told(config: RunConfig) -> dict[str, Any]:
    """What a configuration says, but for what it says of ablations."""
    return {name: part for name, part in config.tree().items() if name != "ablation"}
