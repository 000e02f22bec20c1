"""kill -9 at random moments of the cache's building: does every re-run finish, bit for bit equal?

Draws CT slices as DICOM, half of them RLE-compressed (so that graph and worker processes both
read), builds their cache in peace, then again in processes that are killed at a random moment of
the building, each going on with what the one before has left. After the last kill one runs to its
end. Whenever a file is finished, it is compared with the one that was built in peace.

    python benchmarks/kills.py [--kills 20] [--slices 2000] [--folder DIR]
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SIDE = 256
RLE = "1.2.840.10008.1.2.5"


def prepare(folder: Path, slices: int) -> None:
    """Draw and audit the slices."""
    import pydicom
    from memory import draw

    from tfmed import data
    from tfmed.data.auditing import audit
    from tfmed.data.stored import store
    from tfmed.run import Run

    draw(folder / "slices", slices, SIDE)
    for path in sorted((folder / "slices").iterdir())[::2]:
        header = pydicom.dcmread(path)
        header.compress(RLE, generate_instance_uid=False)
        header.save_as(path)
    store(Run(folder / "run"), audit(data.open(str(folder / "slices"))))


def build(folder: Path, cache: Path) -> None:
    """Build the cache, saying when that begins and ends."""
    from tfmed import feed
    from tfmed.data.stored import stored
    from tfmed.run import Run
    from tfmed.transforms import Preprocessing

    dataset = stored(Run(folder / "run"))
    print("begin", flush=True)
    feed.build(dataset, Preprocessing((SIDE, SIDE), 1, (-1000.0, 1000.0)), cache)
    print("end", flush=True)


def child(folder: Path, cache: Path) -> subprocess.Popen[str]:
    """A process that builds, at the moment when it begins."""
    command = [sys.executable, __file__, "--build", str(folder), str(cache)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline().strip() != "begin":
        raise SystemExit("the building process did not begin")
    return process


def content(cache: Path) -> bytes | None:
    """The finished file but for its end, which tells the time; None while there is none."""
    from tfmed.feed.records import TAIL

    found = list(cache.glob("*.store"))
    return found[0].read_bytes()[: -TAIL.size] if found else None


def main() -> None:
    """Build in peace, then under fire."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--slices", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--build", type=Path, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.build:
        build(*given.build)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        prepare(folder, given.slices)
        begun = time.monotonic()
        child(folder, folder / "peace").wait()
        seconds = time.monotonic() - begun
        expected = content(folder / "peace")
        print(f"in peace: {seconds:.1f} s with the start, {len(expected or b''):,} bytes")
        chance, cache, finished, killed, equal = random.Random(given.seed), folder / "c", 0, 0, 0
        for number in range(given.kills + 1):
            process = child(folder, cache)
            if number < given.kills:
                time.sleep(chance.uniform(0, 0.4 * seconds))
                process.kill()
            killed += process.wait() != 0
            made = content(cache)
            if made is not None:
                finished, equal = finished + 1, equal + (made == expected)
                next(iter(cache.glob("*.store"))).unlink()
        print(f"{killed} kills; {finished} files finished, {equal} equal to the one in peace")
        raise SystemExit(0 if finished == equal and finished else 1)


if __name__ == "__main__":
    main()
