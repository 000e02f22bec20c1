"""Reading scans: tfmed against MONAI, against pydicom in tf.data, and against the floor.

CT slices of 512x512 pixels in 16 bits are drawn into a temporary folder, uncompressed and in
four compressions. Each side runs in a process of its own, started once; the sides take turns,
each reading the same files in each round, and medians of the rounds are printed, with wall time
and CPU time (user and system, of the process and its children). All give batches of 32 float32
images of 256x256, shrunk by area means in Hounsfield units, then windowed to 0..1; the sides'
numbers are compared first.

    monai      LoadImage(PydicomReader), Resize(mode="area"), ScaleIntensityRange, DataLoader with
               two processes, torch.set_num_threads(1); for the cache PersistentDataset, processes
               kept alive between epochs
    pydicom    dcmread and pixel_array in tf.py_function, in a parallel tf.data map
    tfmed      feed.direct, from an audit's table; worker processes start within the time;
               for the cache feed.training (shuffled, no augmentation), its stream kept
               between epochs as MONAI's processes are
    floor      one thread: pread of the values' bytes and a cast to float32; for the cache of each
               resized image
    codec      one thread: the decoder's call alone, on bytes in memory

    python benchmarks/feed.py [--slices 1000] [--rounds 5] [--only uncompressed rle cache]

It needs the extra `peers`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import machine
import numpy as np
import sides
from feed_files import SYNTAXES, compress, draw
from feed_sides import CACHE, CODEC_SLICES

SILENT = {**sides.TENSORFLOW, "TF_CPP_MIN_LOG_LEVEL": "3"}


def compare(folder: Path, kind: str, slices: int, rounds: int) -> None:
    """Measure all sides on one kind of files and print times and ratios."""
    names = ["monai", "tfmed", "floor"]
    if kind != CACHE:
        names.insert(1, "pydicom")
    if kind not in ("uncompressed", CACHE):
        names[-1] = "codec"
    place = str(folder / ("uncompressed" if kind == CACHE else kind))
    asked = {
        name: sides.Side("feed_sides:build", {"name": name, "folder": place, "kind": kind}, SILENT)
        for name in names
    }
    with sides.started(asked) as running:
        turns = sides.alternate(running, dict.fromkeys(names, 1), rounds)
        where = machine.described(running["tfmed"].facts["onednn"])
    print(f"\n{kind}, {slices} slices, {rounds} rounds, ms an image\n  on {where}")
    _print(folder, kind, slices, turns)


def _print(folder: Path, kind: str, slices: int, turns: dict[str, list[sides.Turn]]) -> None:
    if kind != CACHE:
        ours = np.load(folder / "tfmed.npy")
        for name in ("monai", "pydicom"):
            theirs = np.load(folder / f"{name}.npy")
            # Our last batch is filled up.
            gap = np.abs(theirs - ours[: len(theirs)]).max()
            print(f"  largest difference to {name}: {gap:.1e}")
    for name, rows in turns.items():
        line = f"  {name:8s}"
        for what in ("wall", "cpu"):
            count = min(slices, CODEC_SLICES) if name == "codec" else slices
            one = np.array([getattr(row, what) for row in rows]) / count
            us = np.array([getattr(row, what) for row in turns["tfmed"]]) / slices
            ratio = np.median(one / us)
            line += f"  {what} {1e3 * np.median(one):7.3f} ({ratio:5.2f} x tfmed)"
        print(line)


def main() -> None:
    """Draw the files and compare the sides on each kind of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = [*SYNTAXES, CACHE]
    parser.add_argument("--slices", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder / "uncompressed", arguments.slices)
        for kind in arguments.only:
            if kind not in ("uncompressed", CACHE):
                for path in sorted((folder / "uncompressed").glob("*.dcm")):
                    compress(path, kind)
            compare(folder, kind, arguments.slices, arguments.rounds)


if __name__ == "__main__":
    main()
