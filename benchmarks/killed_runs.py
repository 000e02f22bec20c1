"""kill -9 at random moments of a training command: does the same command end equal, bit for bit?

Runs the command in peace, then again in other folders, each killed at one random moment between
its start and its end, and run again to its end. What a run leaves is compared with the one in
peace: weights, predictions, scores (but for seconds), what was chosen, and the export's answers by
its checksums of variables.

    python benchmarks/killed_runs.py classify [--kills 20] [--folder DIR] [-- FLAG ...]
    python benchmarks/killed_runs.py segment -- --data organs/ --size 32 32

`--deterministic --epochs 2` is added to the flags. A folder that is given goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FIXED = ["--deterministic", "--epochs", "2"]
EQUAL = ("predictions.csv", "split.csv", "plan.toml", "history.csv")
CLOCKED = ("seconds", "images_per_second", "patches_per_second")


def command(pipeline: str, folder: Path, flags: list[str]) -> list[str]:
    """The command of a run in `folder`."""
    places = ["--run", str(folder / "run"), "--export", str(folder / "export"), "--name", "one"]
    return [sys.executable, "-m", f"tfmed.pipelines.{pipeline}", *flags, *FIXED, *places]


def finished(pipeline: str, folder: Path, flags: list[str]) -> float:
    """Run to the end; gives the seconds."""
    started = time.monotonic()
    subprocess.run(command(pipeline, folder, flags), check=True, capture_output=True)
    return time.monotonic() - started


def killed(pipeline: str, folder: Path, flags: list[str], after: float) -> bool:
    """Start, and kill with all that it has started, after some seconds; whether it still ran."""
    process = subprocess.Popen(
        command(pipeline, folder, flags),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


def left(folder: Path) -> dict[str, Any]:
    """What a finished run tells, without what a clock has measured."""
    import keras
    import pandas as pd

    import tfmed.models  # noqa: F401  (registers the layers of segmenters)

    run = folder / "run"
    found: dict[str, Any] = {}
    for name in EQUAL:
        if name.endswith(".csv"):
            table = pd.read_csv(run / name, dtype=str).drop(columns=list(CLOCKED), errors="ignore")
            found[name] = table.to_csv(index=False)
        else:
            found[name] = (run / name).read_text(encoding="utf-8")
    for name in ("member.json", "scores.json"):
        values = json.loads((run / name).read_text(encoding="utf-8"))
        values.pop("seconds", None)
        found[name] = json.dumps(values, sort_keys=True)
    model = keras.models.load_model(run / "model.keras", compile=False)
    found["weights"] = [weight.tobytes() for weight in model.get_weights()]
    found["masks"] = {
        path.name: path.read_bytes() for path in sorted((run / "masks").glob("*.png"))
    }
    versions = sorted((folder / "export" / "one").iterdir())
    found["versions"] = [path.name for path in versions]
    return found


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Names of what is not equal."""
    return [name for name in one if one[name] != other[name]]


def main() -> int:
    """Kill, resume, compare; gives 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pipeline")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments, flags = parser.parse_known_args()
    flags = [flag for flag in flags if flag != "--"]
    folder = arguments.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / "state.json"
    done = json.loads(state.read_text()) if state.is_file() else {"seconds": 0.0, "kills": []}
    peace = folder / "peace"
    if not done["seconds"]:
        shutil.rmtree(peace, ignore_errors=True)
        done["seconds"] = finished(arguments.pipeline, peace, flags)
        state.write_text(json.dumps(done))
    wanted = left(peace)
    draw = random.Random(arguments.seed)
    moments = [draw.uniform(0.02, 0.98) for _ in range(arguments.kills)]
    for number, share in enumerate(moments[len(done["kills"]) :], len(done["kills"]) + 1):
        own = folder / f"killed{number}"
        shutil.rmtree(own, ignore_errors=True)
        ran = killed(arguments.pipeline, own, flags, share * done["seconds"])
        finished(arguments.pipeline, own, flags)
        wrong = differing(wanted, left(own))
        done["kills"].append({"share": share, "ran": ran, "wrong": wrong})
        state.write_text(json.dumps(done))
        moment = f"killed at {share:.0%}" if ran else "ended before its kill"
        print(f"{number}: {moment}: {', '.join(wrong) or 'equal'}", flush=True)
        shutil.rmtree(own)
    equal = sum(not one["wrong"] for one in done["kills"])
    real = sum(one["ran"] for one in done["kills"])
    print(f"{arguments.pipeline}: {equal} of {len(done['kills'])} equal, {real} killed in time")
    return int(equal < len(done["kills"]))


if __name__ == "__main__":
    raise SystemExit(main())
