"""Where training runs: one processor, one accelerator, or several processes under torchrun."""

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta

import torch
import torch.distributed as distributed
from torch import nn

from sw.train.errors import TrainError

LONGEST = timedelta(hours=6)
"""What processes wait for the first one, which measures models and simulates gateware alone."""


@dataclass(frozen=True)
class Place:
    """A device, and which of how many processes this one is.

    Tokens are (B, N, C) throughout the model, channels last and next to each other, which is the
    layout that matrix units and vector loads want: nothing needs to be permuted for a device.

    Parameters
    ----------
    device : torch.device
    rank, world : int
        Number of this process, and of all processes.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    rank: int = 0
    world: int = 1

    @staticmethod
    def find(name: str | None = None) -> "Place":
        """The accelerator if there is one, else the processor; torchrun's processes meet here.

        Raises
        ------
        TrainError
            If the device that is asked for is not there.
        """
        world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
        kind = name or ("cuda" if torch.cuda.is_available() else "cpu")
        if kind not in ("cpu", "cuda"):
            raise TrainError(f"--device {kind}: unknown; use cpu or cuda")
        if kind == "cuda":
            local, count = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
            if local >= count:
                raise TrainError(
                    f"--device cuda: process {local} of this machine has no accelerator of its "
                    f"own ({count} there); start at most {max(count, 1)} or use --device cpu"
                )
            device = torch.device("cuda", local)
            torch.cuda.set_device(device)
        else:
            device = torch.device("cpu")
        if world > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=LONGEST)
        return Place(device, rank, world)

    @property
    def first(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0

    @property
    def name(self) -> str:
        """The device in words."""
        if self.device.type == "cuda":
            kind = torch.cuda.get_device_name(self.device)
        else:
            kind = f"processor, {torch.get_num_threads()} threads"
        return kind if self.world == 1 else f"{self.world} x {kind}"

    def autocast(self) -> AbstractContextManager:
        """bfloat16 products where the device multiplies it as it is, else float32.

        Sums of signs up to 256 stay exact; sums of real numbers and norms keep float32.
        """
        if self.device.type == "cuda" or torch.cpu.get_capabilities().get("avx512_bf16"):
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    def parallel(self, model: nn.Module, unused: bool = False) -> nn.Module:
        """The model with gradients averaged over the processes; ``unused``: some have none."""
        if self.world == 1:
            return model
        return nn.parallel.DistributedDataParallel(
            model, broadcast_buffers=False, find_unused_parameters=unused
        )

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Mean over the processes of a tensor of this device, in place."""
        if self.world > 1:
            distributed.all_reduce(values)
            values /= self.world
        return values

    def same(self, number: int) -> bool:
        """Whether every process gives the same number."""
        if self.world == 1:
            return True
        ends = torch.tensor([number, -number], device=self.device)
        distributed.all_reduce(ends, distributed.ReduceOp.MAX)
        return int(ends.sum()) == 0

    def meet(self) -> None:
        """Wait until every process is here."""
        if self.world > 1:
            distributed.barrier()

    def synchronise(self) -> None:
        """Wait for what the accelerator still has to do."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def leave(self) -> None:
        """Take leave of the other processes."""
        if distributed.is_initialized():
            distributed.destroy_process_group()
