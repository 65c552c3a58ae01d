"""Plugins of any kind: of perturbations, which are the quickest to check."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from videossr.ramp import Ramp
from videossr.testing.toys import Fading, FadingConfig, Flash, FlashConfig


class NeedyConfig(FadingConfig):
    strength: Annotated[int, Field(ge=1, le=9, description="how strong")]


class Needy(Fading):
    """Has a required setting and gives no example."""

    Config = NeedyConfig


class Wordy(Fading):
    summary = "Darken\nthe picture"


class ForgetfulConfig(FadingConfig):
    strength: Annotated[int, Field(ge=1, le=9, description="how strong", exclude=True)] = 1


class Forgetful(Fading):
    """One setting is not written out."""

    Config = ForgetfulConfig
    example: Final = {"strength": 3}


class CarelessConfig(FadingConfig):
    model_config = ConfigDict(extra="ignore")


class Careless(Fading):
    Config = CarelessConfig


class Inner(BaseModel):
    strength: Annotated[int, Field(ge=1, le=9, description="how strong")] = 1


class NestedConfig(FadingConfig):
    inner: Annotated[tuple[Inner, ...], Field(description="more")] = ()


class CarelessInside(Fading):
    Config = NestedConfig


class TerseConfig(FadingConfig):
    strength: Annotated[int, Field(ge=1, le=9)] = 1


class Terse(Fading):
    """One setting has no description."""

    Config = TerseConfig


class BoundlessConfig(FadingConfig):
    seconds: Annotated[float, Field(gt=0, description="how long")] = 1.0


class Boundless(Fading):
    """One number is bounded on one side alone."""

    Config = BoundlessConfig


class SteepConfig(FlashConfig):
    frames: Annotated[Ramp, Field(description="frames that are lit")] = Ramp.between(8, 2)


class Steep(Flash):
    """A ramp has no bounds."""

    Config = SteepConfig
