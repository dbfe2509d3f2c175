"""Windows through OpenVINO: several at once, each on one thread, answered in their order.

Where several threads share a window, sums are added in another order for every number of threads,
and the last bit of a mask hangs on the machine. A window on one thread has the same bits anywhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Box
from lvt_track.segment.engine.runtime import openvino

__all__ = ["CompiledNetwork", "compiled"]

_PRECISION_HINTS = {"float32": "f32", "bfloat16": "bf16"}


@dataclass(frozen=True, eq=False)
class CompiledNetwork:
    """A network for windows of one size, made ready for this processor.

    Attributes:
        model: OpenVINO's `CompiledModel`.
        at_once: windows that run side by side.
    """

    model: Any
    at_once: int

    def run(
        self, image: NDArray[np.float32], boxes: Sequence[Box]
    ) -> Iterator[NDArray[np.float32]]:
        """Probabilities (outputs, z, y, x) of each window, in the order of the boxes.

        Each holds until the next is asked for.

        Args:
            image: what the network sees (z, y, x), float32.
            boxes: windows of the network's size.

        Raises:
            RuntimeError: when OpenVINO fails.
        """
        idle = [self.model.create_infer_request() for _ in range(min(self.at_once, len(boxes)))]
        running: deque[Any] = deque()
        for box in boxes:
            if not idle:
                yield self._answer(running[0])
                idle.append(running.popleft())
            request = idle.pop()
            request.start_async({0: np.ascontiguousarray(image[box])[None, None]})
            running.append(request)
        while running:
            yield self._answer(running.popleft())

    @staticmethod
    def _answer(request: Any) -> NDArray[np.float32]:
        request.wait()
        values: NDArray[np.float32] = request.get_output_tensor(0).data[0]
        return values


def compiled(graph: Any, precision: str, at_once: int) -> CompiledNetwork:
    """Make a graph ready; nothing is kept on disk, for this takes a fifth of a second.

    Args:
        graph: see `graph.graph_of`.
        precision: `float32` or `bfloat16`.
        at_once: windows that run side by side, each on a thread of its own.

    Raises:
        RuntimeError: when OpenVINO fails.
    """
    settings = {
        "INFERENCE_PRECISION_HINT": _PRECISION_HINTS[precision],
        "INFERENCE_NUM_THREADS": at_once,
        "NUM_STREAMS": at_once,
        # Processes that each pin their threads to the first cores would share those.
        "ENABLE_CPU_PINNING": False,
    }
    return CompiledNetwork(openvino().Core().compile_model(graph, "CPU", settings), at_once)
