"""Running TFLite files, and their latency on this machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tfmed.errors import ReadError
from tfmed.log import quiet

SECONDS = 5.0


class Runner:
    """A TFLite file of an export, as a function.

    Args:
        path: the file.
        threads: threads for one image.

    Attributes:
        input_shape: `(*size, C)` of one image.

    Raises:
        ReadError: not a TFLite file.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            with quiet():
                self._interpreter = Interpreter(str(path), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ReadError(path, f"not a TFLite file that runs here ({error})") from error
        self._run = self._interpreter.get_signature_runner()
        shape = self._interpreter.get_input_details()[0]["shape"]
        self.input_shape = tuple(int(length) for length in shape[1:])

    def predict(self, images: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
        """Answers by name, image by image.

        Args:
            images: `[*size, C]` each, at the plan's size; modality units, or for int8
                normalised images (`card.json`, `tflite.int8.input`).

        Returns:
            float32 `[N, ...]` each, as `probabilities` `[N, K]`.
        """
        found = [self._run(image=np.asarray(image, np.float32)[np.newaxis]) for image in images]
        if found:
            return {name: np.concatenate([one[name] for one in found]) for name in found[0]}
        details = self._run.get_output_details()
        return {name: np.zeros((0, *one["shape"][1:]), np.float32) for name, one in details.items()}


def latency_ms(path: Path, runs: int = 30) -> float:
    """Median time of one image in milliseconds, after up to three runs that are not counted.

    Args:
        path: a TFLite file.
        runs: how often it is measured, at the most; after `SECONDS` no other run is begun.
    """
    runner = Runner(path)
    image = np.random.default_rng(0).uniform(0, 1, runner.input_shape).astype(np.float32)
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < runs + 3 and time.perf_counter() - begun < SECONDS:
        started = time.perf_counter()
        runner.predict([image])
        times.append((time.perf_counter() - started) * 1000)
    return float(statistics.median(times[3:] or times[-1:]))
