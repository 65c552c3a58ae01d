"""What each perturbation says of itself: in words, whether twice is as before, and whether it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from videossr import Clip, Footage
from videossr.footage import ClipSource
from videossr.seeds import rng_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from videossr.facades import Perturbation
    from videossr.registry import Registry

INVOLUTIONS = {"channel_swap", "flip", "invert", "mirror", "reverse", "rotate"}

#: Those that move pictures in time.
TEMPORAL = ("fast_forward", "freeze", "reverse", "shuffle", "slow_motion", "stutter_hold")


@pytest.fixture
def bind(registry: Registry) -> Callable[..., Perturbation]:
    """Binds a perturbation to settings."""

    def bound(name: str, **settings: Any) -> Perturbation:  # noqa: ANN401 - as from YAML
        return registry.perturbation(name, registry.schema(name)(**settings))

    return bound


@pytest.fixture
def seen(bind: Callable[..., Perturbation]) -> Callable[..., bool]:
    """Applies a perturbation to a clip and asks whether it shows."""

    def ask(name: str, clip: Clip, footage: Footage | None = None, **settings: Any) -> bool:  # noqa: ANN401
        perturbation = bind(name, **settings)
        return perturbation.visible(clip, perturbation.apply(clip, rng=rng_for(0), footage=footage))

    return ask


def clip_of(*pictures: Tensor, spacing: float = 0.25) -> Clip:
    """A clip of pictures, uint8 [3, H, W]; of one it shows eight."""
    shown = pictures if len(pictures) > 1 else pictures * 8
    return Clip(torch.stack(shown), spacing * torch.arange(len(shown)).double())


def random_picture(seed: int = 0, side: int = 32) -> Tensor:
    """Noise: uint8 [3, side, side]."""
    dice = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, side, side), generator=dice, dtype=torch.uint8)


def uniform(red: int, green: int, blue: int, side: int = 32) -> Tensor:
    """One colour: uint8 [3, side, side]."""
    colour = torch.tensor([red, green, blue], dtype=torch.uint8)[:, None, None]
    return colour.expand(3, side, side).contiguous()


def moving(step: int = 4, frames: int = 48, side: int = 64) -> Clip:
    """A white square of a quarter of the side that crosses a dark picture, `step` pixels a frame."""
    shown = torch.full((frames, 3, side, side), 20, dtype=torch.uint8)
    for at, frame in enumerate(shown):
        left = step * at % (side - side // 4)
        frame[:, side // 4 : side // 2, left : left + side // 4] = 255
    return Clip(shown, 0.25 * torch.arange(frames).double())


def test_involutions_are_declared(registry: Registry, bind: Callable[..., Perturbation]) -> None:
    """The conformance kit checks each; this is the list."""
    names = [name for name in registry.names if registry.origin(name).kind == "perturbation"]
    assert INVOLUTIONS == {name for name in names if bind(name).involution}


@pytest.mark.parametrize("name", sorted(INVOLUTIONS))
def test_an_involution_gives_random_frames_back(
    name: str, bind: Callable[..., Perturbation]
) -> None:
    """To the bit, at any size, and not before it is applied the second time."""
    for seed, (height, width) in enumerate([(32, 48), (33, 31), (5, 8)]):
        dice = torch.Generator().manual_seed(seed)
        frames = torch.randint(0, 256, (6, 3, height, width), generator=dice, dtype=torch.uint8)
        clip = Clip(frames, torch.arange(6).double())
        once = bind(name).apply(clip, rng=rng_for(seed))
        assert not torch.equal(once, frames)
        assert torch.equal(bind(name).apply(clip.with_frames(once), rng=rng_for(seed)), frames)


def test_a_quarter_turn_is_no_involution(bind: Callable[..., Perturbation]) -> None:
    """Twice it is a half turn."""
    assert [False, True, False] == [bind("rotate", degrees=d).involution for d in (90, 180, 270)]


@pytest.mark.parametrize(
    ("name", "settings", "phrase"),
    [
        ("rotate", {"degrees": 90}, "rotated by 90 degrees clockwise"),
        ("rotate", {"degrees": 180}, "rotated by 180 degrees"),
        ("rotate", {"degrees": 270}, "rotated by 270 degrees clockwise"),
        ("saturation", {"factor": 2}, "shown in stronger colours"),
        ("saturation", {"factor": 0.5}, "shown in duller colours"),
        ("saturation", {"factor": 0}, "shown without colours"),
    ],
)
def test_a_phrase_may_follow_the_settings(
    name: str, settings: dict[str, Any], phrase: str, bind: Callable[..., Perturbation]
) -> None:
    """It says what the viewer sees."""
    assert phrase == bind(name, **settings).phrase


@pytest.mark.parametrize("name", ["channel_swap", "grayscale", "saturation"])
def test_colours_of_a_grey_picture_do_not_show(name: str, seen: Callable[..., bool]) -> None:
    """Grey stays grey; in a picture that is red on average it shows."""
    grey = random_picture()[:1].expand(3, -1, -1)
    assert not seen(name, clip_of(grey.contiguous()))
    assert seen(name, clip_of(uniform(180, 60, 60)))


@pytest.mark.parametrize("name", ["channel_swap", "grayscale", "saturation"])
def test_colours_have_to_show_at_both_ends(name: str, seen: Callable[..., bool]) -> None:
    """A segment that ends grey is altered for a shorter time than the answer would say."""
    red, grey = uniform(180, 60, 60), uniform(90, 90, 90)
    assert not seen(name, clip_of(red, red, red, grey))
    assert not seen(name, clip_of(grey, red, red, red))


def test_a_mirror_does_not_show_on_a_symmetric_picture(seen: Callable[..., bool]) -> None:
    """Left is right already."""
    half = random_picture()
    assert not seen("mirror", clip_of(torch.cat([half, half.flip(2)], 2)))
    assert seen("mirror", clip_of(half))


def test_a_flip_does_not_show_on_a_symmetric_picture(seen: Callable[..., bool]) -> None:
    """Top is bottom already."""
    half = random_picture()
    assert not seen("flip", clip_of(torch.cat([half, half.flip(1)], 1)))
    assert seen("flip", clip_of(half))


def test_a_half_turn_does_not_show_on_a_point_symmetric_picture(seen: Callable[..., bool]) -> None:
    """As on a playing card."""
    half = random_picture()
    assert not seen("rotate", clip_of(torch.cat([half, half.flip(1, 2)], 1)))
    assert seen("rotate", clip_of(half))


def test_zoom_does_not_show_on_a_uniform_picture(seen: Callable[..., bool]) -> None:
    """Nothing gets larger where nothing is; a border of black does not show on black."""
    assert not seen("zoom_in", clip_of(uniform(80, 90, 100)))
    assert not seen("zoom_out", clip_of(uniform(0, 0, 0)))
    assert seen("zoom_out", clip_of(uniform(80, 90, 100)))


def test_invert_does_not_show_on_middle_grey(seen: Callable[..., bool]) -> None:
    """By hand: 127 becomes 128."""
    assert not seen("invert", clip_of(uniform(127, 127, 127)))
    assert seen("invert", clip_of(uniform(100, 100, 100)))


def test_blur_shows_where_there_are_edges(seen: Callable[..., bool]) -> None:
    """Not on a uniform picture; on a step of 100 levels it does, though few pixels change."""
    step = uniform(50, 50, 50)
    step[:, :, 16:] = 150
    assert not seen("blur", clip_of(uniform(80, 90, 100)))
    assert seen("blur", clip_of(step))


def test_occlusion_shows_where_it_is_not_dark(seen: Callable[..., bool]) -> None:
    """Black on black does not, whatever its share; of a light picture a twentieth does."""
    assert not seen("occlusion", clip_of(uniform(12, 12, 12)))
    assert not seen("occlusion", clip_of(uniform(12, 12, 12)), share=1.0)
    assert seen("occlusion", clip_of(uniform(60, 60, 60)), share=0.05)


def test_faint_noise_does_not_show(seen: Callable[..., bool]) -> None:
    """A standard deviation of 2 is that of a camera; the settings of the paper are far above."""
    picture = clip_of(uniform(128, 128, 128))
    assert not seen("noise", picture, least=2, greatest=2)
    assert seen("noise", picture)


def test_swap_does_not_show_where_the_other_video_looks_the_same(seen: Callable[..., bool]) -> None:
    """Nothing changes then."""
    clip, other = clip_of(uniform(80, 90, 100)), clip_of(uniform(180, 90, 100))
    assert not seen("swap", clip, Footage(ClipSource(clip), ClipSource(clip)))
    assert seen("swap", clip, Footage(ClipSource(clip), ClipSource(other)))


@pytest.mark.parametrize("name", TEMPORAL)
def test_time_shows_where_something_moves(name: str, seen: Callable[..., bool]) -> None:
    """A square that crosses the picture is enough: a sixteenth of it."""
    source = moving(step=2, frames=96)
    clip = Clip(source.frames[::4], source.times[::4])
    assert seen(name, Clip(clip.frames[:8], clip.times[:8]), Footage(ClipSource(source)))


@pytest.mark.parametrize("name", TEMPORAL)
def test_time_does_not_show_where_a_camera_looks_at_what_is_still(
    name: str, seen: Callable[..., bool]
) -> None:
    """Neither in frames that are equal nor in those that differ by a camera's noise."""
    dice = torch.Generator().manual_seed(0)
    still = random_picture(side=64).expand(64, -1, -1, -1).int()
    added = 3 * torch.randn(still.shape, generator=dice)
    for frames in (still, (still + added.round().int()).clamp(0, 255)):
        source = Clip(frames.to(torch.uint8), 0.1 * torch.arange(64).double())
        clip = Clip(source.frames[:32:4], source.times[:32:4])
        assert not seen(name, clip, Footage(ClipSource(source)))
