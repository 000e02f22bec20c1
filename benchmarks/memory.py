"""Anonymous memory of a shuffled epoch, over few and over many slices, in one run.

Draws CT slices of 512x512x16 bit as uncompressed DICOM files, then, for each number of them and
in a process of its own: opens and audits them, builds the cache at 512x512 and feeds one shuffled
epoch with the augmentation of a plan. A thread adds up `RssAnon` of the process and its workers
in /proc every 50 ms; `RssShmem` (images on their way from a worker) stands beside it. Start is
when all is imported and the slices are opened.

The maps of the cache file are no anonymous memory: the system takes them back as it likes.

    python benchmarks/memory.py [--slices 1000 10000] [--side 512] [--folder DIR]

10,000 slices need 11 GB of disk in DIR, which are removed afterwards.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import machine

BATCH = 16
SAMPLE_SECONDS = 0.05
KINDS = ("RssAnon", "RssShmem")
LIMIT_MB = 1000


def draw(folder: Path, count: int, side: int) -> None:
    """Write slices: one header by pydicom, before pixels of noise that differ by slice."""
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.Modality, data.PatientID = "CT", "drawn"
    data.RescaleSlope, data.RescaleIntercept = 1, -1024
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows = data.Columns = side
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelData = bytes(2 * side * side)
    data["PixelData"].VR = "OW"
    folder.mkdir(parents=True, exist_ok=True)
    data.save_as(folder / "template.dcm", enforce_file_format=True)
    header = (folder / "template.dcm").read_bytes()[: -2 * side * side]
    (folder / "template.dcm").unlink()
    noise = np.random.default_rng(0).integers(0, 4096, 3 * side * side).astype(np.uint16)
    for number in range(count):
        start = number * 7919 % (2 * side * side)
        pixels = noise[start : start + side * side].tobytes()
        (folder / f"{number:06}.dcm").write_bytes(header + pixels)


def feed_epoch(folder: Path, side: int) -> None:
    """Open, build and feed; says on standard output which stage begins."""
    import numpy as np
    import tensorflow as tf

    from tfmed import data, feed
    from tfmed.data.auditing import audit
    from tfmed.transforms import Preprocessing

    preprocessing = Preprocessing((side, side), 1, (-1000.0, 1000.0), 0.5, 0.25)
    dataset = data.open(str(folder / "slices"))
    tf.constant(0)
    print("audit", flush=True)
    dataset = audit(dataset)
    print("build", flush=True)
    cache = feed.build(dataset, preprocessing, folder / "cache")
    print("epoch", flush=True)
    count = len(dataset)
    batches = feed.training(
        cache,
        np.zeros((count, 2), np.float32),
        np.ones(count, np.float32),
        preprocessing=preprocessing,
        augmentation=(
            {"name": "projective", "degrees": 10.0, "scale": 0.1, "shift": 0.08, "shear": 5.0},
            {"name": "brightness", "amount": 0.2, "probability": 0.3},
            {"name": "noise", "amount": 0.05, "probability": 0.15},
        ),
        mixup=0.2,
        batch_size=BATCH,
        seed=1,
        steps=range(count // BATCH),
    )
    images = sum(len(target) for _, target, _ in batches)
    print(f"end {images}", flush=True)


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    children = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            children[int(fields[1])].append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting += children[found[-1]]
    return found


def memory_mb(root: int) -> dict[str, float]:
    """Memory of a tree of processes, by kind."""
    total = dict.fromkeys(KINDS, 0.0)
    for process in tree(root):
        try:
            lines = Path(f"/proc/{process}/status").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            name, _, value = line.partition(":")
            if name in total:
                total[name] += int(value.split()[0]) / 1024
    return total


def measured(folder: Path, side: int) -> dict[str, dict[str, float]]:
    """Run `feed_epoch` apart; the peak of each stage by kind of memory, and its seconds."""
    command = [sys.executable, __file__, "--feed", str(folder), "--side", str(side)]
    environment = {**os.environ, "TFMED_DATA": str(folder / "home")}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout is not None
    stages: dict[str, dict[str, float]] = {}
    stage = "import"

    def watch() -> None:
        while child.poll() is None:
            now = memory_mb(child.pid)
            peak = stages.setdefault(stage, dict.fromkeys(KINDS, 0.0))
            stages[stage] = {kind: max(peak[kind], now[kind]) for kind in KINDS}
            time.sleep(SAMPLE_SECONDS)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun, seconds = time.monotonic(), {}
    for line in child.stdout:
        seconds[stage] = time.monotonic() - begun
        begun = time.monotonic()
        if stage == "import":
            stages["start"] = memory_mb(child.pid)
        stage = line.split()[0]
    watcher.join()
    if child.returncode:
        raise SystemExit(f"the process that fed ended with {child.returncode}")
    return {name: {**peak, "seconds": seconds.get(name, 0.0)} for name, peak in stages.items()}


def report(count: int, stages: dict[str, dict[str, float]]) -> float:
    """Print the peaks of a run; the most of all stages above its start, in MB."""
    start = stages["start"]["RssAnon"]
    print(f"\n{count:,} slices: {start:,.0f} MB anonymous at the start")
    for name in ("audit", "build", "epoch"):
        peak = stages[name]
        print(
            f"  {name:6} {peak['seconds']:7.1f} s, peak {peak['RssAnon']:6,.0f} MB "
            f"({peak['RssAnon'] - start:+6,.0f}), shared {peak['RssShmem']:5,.0f} MB"
        )
    return stages["epoch"]["RssAnon"] - start


def main() -> None:
    """Draw, measure and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--feed", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.feed:
        feed_epoch(given.feed, given.side)
        return
    above = []
    for count in given.slices:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            draw(Path(folder) / "slices", count, given.side)
            above.append(report(count, measured(Path(folder), given.side)))
    print(f"\non {machine.described(machine.tensorflow_onednn())}")
    print(f"epoch, above start: {', '.join(f'{mb:,.0f} MB' for mb in above)}", end="; ")
    print(f"ratio {above[-1] / above[0]:.2f}; under {LIMIT_MB} MB: {max(above) < LIMIT_MB}")


if __name__ == "__main__":
    main()
