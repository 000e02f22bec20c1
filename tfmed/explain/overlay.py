"""A heat map drawn over its image, as PNG."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
from PIL import Image as Picture

GAP = 6
LEAST, MOST = 200, 360  # heights of a pane in pixels
COLOURS = "inferno"
ALPHA = 0.65
FAINT, FULL = 0.15, 0.6


def overlay(
    image: np.ndarray,
    heat: np.ndarray,
    *,
    window: tuple[float, float] | None = None,
) -> bytes:
    """The image beside the same image with its heat map in colour.

    The heat's strength is also its opacity, so that where the network saw nothing the image
    stays as it is. Small images are enlarged (bicubic) so that they can be looked at.

    Args:
        image: `[H, W]`, `[H, W, C]` with C 1 or 3, or a volume `[D, H, W, C]`, in modality
            units; of a volume the slice with the most heat is drawn.
        heat: float `[H, W]` or `[D, H, W]` in 0..1.
        window: display window in modality units; None takes the 0.5th and 99.5th
            percentiles.

    Returns:
        A PNG of two panes, original on the left.
    """
    if heat.ndim == 3:
        index = peak_slice(heat)
        # The window of a volume is that of the volume, not of the slice that is drawn.
        window = window or _percentiles(image)
        image, heat = image[index], heat[index]
    shown = display(image, window)
    height, width = _viewable(shown.shape[0], shown.shape[1])
    plain = Picture.fromarray(shown).resize((width, height), Picture.Resampling.BICUBIC)
    warm = Picture.fromarray(np.ascontiguousarray(heat, np.float32))
    strength = np.clip(np.asarray(warm.resize((width, height), Picture.Resampling.BILINEAR)), 0, 1)
    colour = matplotlib.colormaps[COLOURS](strength)[..., :3] * 255
    grey = np.asarray(plain.convert("L"), np.float32)[..., None]
    # Faint heat is left out: a veil over the whole image hides the anatomy.
    alpha = ALPHA * np.clip((strength[..., None] - FAINT) / (FULL - FAINT), 0, 1)
    mixed = np.round(grey * (1 - alpha) + colour * alpha).astype(np.uint8)
    pane = Picture.new("RGB", (2 * width + GAP, height), "white")
    pane.paste(plain, (0, 0))
    pane.paste(Picture.fromarray(mixed), (width + GAP, 0))
    out = io.BytesIO()
    pane.save(out, "PNG", optimize=True)
    return out.getvalue()


def display(image: np.ndarray, window: tuple[float, float] | None = None) -> np.ndarray:
    """Pixels as a screen shows them: uint8 `[H, W, 3]`.

    Args:
        image: `[H, W]` or `[H, W, C]` with C 1 or 3, in modality units.
        window: `(low, high)`; None takes the 0.5th and 99.5th percentiles. A constant image
            is black, and a value that is not finite too.
    """
    pixels = np.asarray(image, np.float32)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    low, high = window or _percentiles(pixels)
    scaled = (pixels - low) / max(high - low, 1e-6) * 255
    scaled = np.clip(np.nan_to_num(scaled, nan=0.0), 0, 255)
    return np.repeat(np.round(scaled).astype(np.uint8), 3 // pixels.shape[-1], axis=-1)


def peak_slice(heat: np.ndarray) -> int:
    """The index of the slice of `[D, H, W]` with the most heat; the middle one of a cold map."""
    sums = heat.reshape(heat.shape[0], -1).sum(axis=1)
    return int(sums.argmax()) if sums.max() > 0 else heat.shape[0] // 2


def _percentiles(pixels: np.ndarray) -> tuple[float, float]:
    finite = pixels[np.isfinite(pixels)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite, [0.5, 99.5])
    return float(low), float(high)


def _viewable(height: int, width: int) -> tuple[int, int]:
    scale = max(LEAST / height, 1.0) if height < LEAST else min(MOST / height, 1.0)
    # A very wide image must not burst the page.
    scale = min(scale, 2 * MOST / width) if width * scale > 2 * MOST else scale
    return max(round(height * scale), 1), max(round(width * scale), 1)


def as_radiologists_look(pixels: np.ndarray) -> np.ndarray:
    """Axial planes of NIfTI with the front at the top and the patient's right at the left.

    NIfTI is read as RAS+: rows run to the front, columns to the patient's right.

    Args:
        pixels: `[H, W, C]` or `[D, H, W, C]`.
    """
    return pixels[..., ::-1, ::-1, :]
