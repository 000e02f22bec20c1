"""Images as the PNG and JPEG files that a client would send."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tfmed.errors import DataError
from tfmed.export.pixels import PixelCode


def as_files(
    pixels: PixelCode,
    valid: Callable[[list[bytes]], np.ndarray],
    images: Sequence[np.ndarray],
    files: Sequence[bytes | None],
) -> tuple[dict[int, bytes], str]:
    """Index of an image to the bytes to send, and in words what they are.

    Each image is its own file where that is valid, else a PNG; one whose pixels no PNG of the
    pixel code holds is left out.

    Args:
        pixels: what the integers of a PNG mean.
        valid: files to what the export says of them.
        images: `[H, W, C]` each, modality units.
        files: their own bytes where they are PNG or JPEG files, else None.
    """
    given = {index: data for index, data in enumerate(files) if data}
    checked = in_calls(valid, list(given.values()))
    sent = {
        index: data for (index, data), valid in zip(given.items(), checked, strict=True) if valid
    }
    own, reason = len(sent), ""
    for index, image in enumerate(images):
        if index in sent:
            continue
        try:
            sent[index] = pixels.encode(image)
        except DataError as error:
            reason = str(error)
    notes = [f"{own} files as they are, {len(sent) - own} images as PNG"]
    if own < len(given):
        notes.append(f"{len(given) - own} files are of a form that it refuses")
    if len(sent) < len(images):
        notes.append(f"{len(images) - len(sent)} images left out: {reason}")
    return sent, "; ".join(notes)


def in_calls(ask: Callable[[list[bytes]], np.ndarray], sent: list[bytes]) -> np.ndarray:
    """Ask in requests of bearable size."""
    parts = [ask(sent[start : start + 16]) for start in range(0, len(sent), 16)]
    return np.concatenate(parts) if parts else np.zeros(0)
