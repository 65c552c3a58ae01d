"""What this package adds to `videossr`: commands, sections of the configuration, presets, checks.

Imported at the start of every command, so everything heavy waits inside the hooks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videossr import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import typer
    from pydantic import BaseModel

    from videossr.finding import Finding


class Trainers:
    """The extension behind the entry point."""

    @hookimpl
    def register_commands(self, app: typer.Typer) -> None:
        """Add the commands that train, and those that measure."""
        from videossr_trainers.ablations.commands import app as ablations  # noqa: PLC0415 - after videossr
        from videossr_trainers.bench.commands import app as bench  # noqa: PLC0415
        from videossr_trainers.commands import demo, reverify, train  # noqa: PLC0415
        from videossr_trainers.comparison.commands import report  # noqa: PLC0415
        from videossr_trainers.diagnosis.commands import diagnose  # noqa: PLC0415
        from videossr_trainers.downstream.commands import app as evaluations  # noqa: PLC0415
        from videossr_trainers.launch.commands import launch_file  # noqa: PLC0415
        from videossr_trainers.model_card.commands import model_card  # noqa: PLC0415
        from videossr_trainers.preflight.command import preflight  # noqa: PLC0415

        for command in (train, preflight, launch_file, reverify, model_card, demo, diagnose):
            app.command()(command)
        app.add_typer(ablations, name="ablate")
        app.add_typer(bench, name="bench")
        evaluations.command()(report)
        app.add_typer(evaluations, name="eval")

    @hookimpl
    def register_sections(self) -> Mapping[str, type[BaseModel]]:
        """Add `model`, `warm_start`, `grpo` and `ablation`."""
        from videossr_trainers.ablations.section import AblationSection  # noqa: PLC0415
        from videossr_trainers.sections import (  # noqa: PLC0415 - pydantic, not needed for help
            GrpoSection,
            ModelSection,
            WarmStartSection,
        )

        return {
            "model": ModelSection,
            "warm_start": WarmStartSection,
            "grpo": GrpoSection,
            "ablation": AblationSection,
        }

    @hookimpl
    def register_presets(self) -> Path:
        """The presets that lie beside this file."""
        return Path(__file__).parent / "presets"

    @hookimpl
    def register_checks(self) -> Mapping[str, Callable[[], Finding]]:
        """Add those of the libraries and the memory that training needs."""
        from videossr_trainers.machine import checks  # noqa: PLC0415 - as above

        return checks()


plugin = Trainers()
