"""The launch files load, and what they promise of Qwen3-VL-8B is what comes of its shape."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
import torch.distributed as dist
from accelerate.commands.config.config_args import load_config_from_file
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.testing._internal.distributed.fake_pg import FakeStore

from videossr.cli.app import main
from videossr_trainers.launch import launch_file, launch_files
from videossr_trainers.models.qwen3_vl_8b import make_config, on_meta

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_files_load() -> None:
    """Accelerate reads each, and finds the distribution and the processes that its name says."""
    loaded = {name: load_config_from_file(str(file)) for name, file in launch_files().items()}
    assert {
        "one_gpu": ("NO", 1, 1),
        "zero2": ("DEEPSPEED", 1, 8),
        "zero2_nodes": ("DEEPSPEED", 2, 16),
        "fsdp2": ("FSDP", 1, 8),
        "fsdp2_nodes": ("FSDP", 2, 16),
    } == {
        name: (one.distributed_type.value, one.num_machines, one.num_processes)
        for name, one in loaded.items()
    }
    assert {"bf16"} == {one.mixed_precision for one in loaded.values()}


@pytest.mark.parametrize("kind", ["fsdp2", "zero2"])
def test_several_machines_differ_in_the_machines_alone(kind: str) -> None:
    """What is set for one machine is set for several."""
    one, several = (load_config_from_file(str(launch_file(n))) for n in (kind, f"{kind}_nodes"))
    assert one.fsdp_config == several.fsdp_config
    assert one.deepspeed_config == several.deepspeed_config


def test_the_command_prints_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    """`videossr launch-file NAME` prints where the file lies, and nothing else."""
    with pytest.raises(SystemExit, match="0"):
        main(["launch-file", "fsdp2"])
    assert Path(capsys.readouterr().out.strip()).samefile(launch_file("fsdp2"))


def test_an_unknown_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name gets exit code 2 and the right one."""
    with pytest.raises(SystemExit, match="2"):
        main(["launch-file", "fdsp2"])
    assert "did you mean 'fsdp2'?" in capsys.readouterr().err


@pytest.fixture
def eight_processes() -> Iterator[None]:
    """This process believes to be the first of eight."""
    if dist.is_initialized():
        pytest.skip("a process group stands already")
    dist.init_process_group("fake", rank=0, world_size=8, store=FakeStore())
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("eight_processes")
def test_qwen3_vl_8b_shards_over_eight() -> None:
    """8.77 billion weights, of which each process holds an eighth, 4.4 GB in float32.

    By hand: 36 layers of 2 x 4096 x 4096 + 2 x 4096 x 1024 + 3 x 4096 x 12288 + 2 x 4096 + 2 x 128
    weights, 151936 x 4096 twice and a norm of 4096 are 8,190,735,360, as Qwen3-8B has; vision adds
    576,388,336.
    """
    model = on_meta(make_config())
    assert 8_190_735_360 == sum(
        weight.numel() for name, weight in model.named_parameters() if ".visual." not in name
    )
    total = sum(weight.numel() for weight in model.parameters())
    assert 8_767_123_696 == total
    mesh = init_device_mesh("cpu", (8,))
    for block in [*model.model.language_model.layers, *model.model.visual.blocks]:
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    local = sum(weight.to_local().numel() for weight in model.parameters())
    assert local == pytest.approx(total / 8, rel=1e-3)
    assert 4 * local == pytest.approx(4.38e9, rel=1e-2)
    assert {torch.device("meta")} == {weight.device for weight in model.parameters()}
