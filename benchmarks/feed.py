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
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from feed_files import SYNTAXES, compress, draw
from feed_sides import CACHE, CODEC_SLICES, SIDES

SAMPLE = 64  # images whose numbers are compared


def cpu_seconds() -> float:
    """User and system time of this process and all it has started, dead or alive."""
    times = os.times()
    total = sum(times[:4])
    ticks = os.sysconf("SC_CLK_TCK")
    waiting = [os.getpid()]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*"):
            # Threads and processes come and go meanwhile.
            with suppress(FileNotFoundError, ProcessLookupError):
                for child in (task / "children").read_text().split():
                    stat = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
                    total += sum(map(int, stat[11:15])) / ticks
                    waiting.append(int(child))
    return total


def serve(side: str, folder: Path, kind: str) -> None:
    """Run one side: an epoch, and a line of its times, for each line of input."""
    answers, sys.stdout = sys.stdout, sys.stderr
    runner = SIDES[side](folder, kind)
    if side not in ("floor", "codec") and kind != CACHE:
        found: list[np.ndarray] = []
        for batch in runner.batches():
            if sum(map(len, found)) < SAMPLE:
                found.append(np.array(batch))
        np.save(folder.parent / f"{side}.npy", np.concatenate(found)[:SAMPLE])
    else:
        for _ in runner.batches():
            pass
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), cpu_seconds()
        for _ in runner.batches():
            pass
        times = {"wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu}
        print(json.dumps(times), file=answers, flush=True)


def compare(folder: Path, kind: str, slices: int, rounds: int) -> None:
    """Measure all sides on one kind of files and print times and ratios."""
    names = ["monai", "tfmed", "floor"]
    if kind != CACHE:
        names.insert(1, "pydicom")
    if kind not in ("uncompressed", CACHE):
        names[-1] = "codec"
    place = folder / ("uncompressed" if kind == CACHE else kind)
    sides = {}
    for name in names:
        command = [sys.executable, __file__, "--side", name, "--folder", str(place), "--kind", kind]
        sides[name] = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert sides[name].stdout.readline() == "ready\n", f"{name} failed"
    times: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for turn in range(rounds):
        # Turning the order round keeps any side from always being first.
        for name in names[:: 1 if turn % 2 else -1]:
            sides[name].stdin.write("go\n")
            sides[name].stdin.flush()
            times[name].append(json.loads(sides[name].stdout.readline()))
    for process in sides.values():
        process.communicate()
    _print(folder, kind, slices, times)


def _print(folder: Path, kind: str, slices: int, times: dict[str, list[dict[str, float]]]) -> None:
    print(f"\n{kind}, {slices} slices, {len(times['tfmed'])} rounds, ms an image")
    if kind != CACHE:
        ours = np.load(folder / "tfmed.npy")
        gaps = {n: np.abs(np.load(folder / f"{n}.npy") - ours).max() for n in ("monai", "pydicom")}
        print("  largest difference: " + ", ".join(f"{n} {gap:.1e}" for n, gap in gaps.items()))
    for name, rows in times.items():
        line = f"  {name:8s}"
        for what in ("wall", "cpu"):
            count = min(slices, CODEC_SLICES) if name == "codec" else slices
            one = np.array([row[what] for row in rows]) / count
            ratio = np.median(one / np.array([row[what] / slices for row in times["tfmed"]]))
            line += f"  {what} {1e3 * np.median(one):7.3f} ({ratio:5.2f} x tfmed)"
        print(line)


def main() -> None:
    """Draw the files and compare the sides on each kind of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = [*SYNTAXES, CACHE]
    parser.add_argument("--slices", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds)
    for hidden in ("--side", "--folder", "--kind"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        serve(arguments.side, Path(arguments.folder), arguments.kind)
        return
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
