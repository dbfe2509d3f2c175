"""The processes that `torchrun` starts, and which device each of them takes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch
from torch import distributed

from lvt_track.segment.device import pick_device

__all__ = ["device_of_process", "processes", "rank", "world_size"]


@contextlib.contextmanager
def processes() -> Iterator[int]:
    """Join the processes that `torchrun` started, if it did; gives this one's rank."""
    if "WORLD_SIZE" not in os.environ:
        yield 0
        return
    distributed.init_process_group()
    try:
        yield rank()
    finally:
        distributed.destroy_process_group()


def rank() -> int:
    """Number of this process, from 0; 0 where it is alone."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def world_size() -> int:
    """How many processes learn together; 1 where there is one."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def device_of_process(name: str) -> torch.device:
    """The device of this name; for `auto` each process of `torchrun` has a GPU of its own.

    Raises:
        UsageError: when there is no such device.
    """
    if name == "auto" and torch.cuda.is_available() and "LOCAL_RANK" in os.environ:
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    return torch.device(pick_device(name))
