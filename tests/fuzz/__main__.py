"""The long run: `scripts/fuzz N [--seed S] [--format F] [--case K]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from fuzz import cases, report
from fuzz.corpus import FORMATS
from fuzz.running import PYDICOM, TFMED, Result, run

EVERY = 100


def main() -> int:
    """Read N damaged files, print what came of them; 1 where a reader failed."""
    options = _options()
    numbers = range(options.cases) if options.case is None else [options.case]
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        made = (cases.make(options.seed, number, options.format) for number in numbers)
        for result in run(made, TFMED, Path(folder)):
            results.append(result)
            if result.failed or options.case is not None or options.show == result.outcome:
                print(_told(result), flush=True)
            if result.failed:
                print(f"  kept as {_kept(result, options.keep)}", flush=True)
            if len(results) % EVERY == 0:
                print(f"{len(results)} of {len(numbers)}", file=sys.stderr, flush=True)
        print(f"\ntfmed\n\n{report.tables(results)}")
        again = [r.case for r in results if r.case.source.format == "dicom"]
        if again and not options.alone:
            peer = list(run(again, PYDICOM, Path(folder)))
            print(f"\npydicom alone, the same files\n\n{report.tables(peer)}")
            told = report.share_reported(peer, lost_counts_as_told=True)
            print(f"with what is lost taken for told, as pixel_array then raises: {told:.1%}")
    failures = [result for result in results if result.failed]
    slowest = max(results, key=lambda result: result.seconds)
    largest = max(results, key=lambda result: result.growth_bytes)
    print(f"\nlongest: {slowest.seconds:.2f} s ({slowest.case.command})")
    print(f"most memory: {largest.growth_bytes / 2**20:.0f} MiB ({largest.case.command})")
    print(f"{len(failures)} failures in {len(results)} cases")
    return 1 if failures else 0


def _told(result: Result) -> str:
    case = result.case
    what = f"{case.source.format} {case.source.name}, {case.mutation} in the {case.place}"
    return f"{result.outcome}: {what}: {result.reason}\n  repeat: {case.command}"


def _kept(result: Result, folder: Path) -> Path:
    case = result.case
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{case.source.format}-{case.seed}-{case.number}"
    path.write_bytes(case.data)
    return path


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=main.__doc__)
    parser.add_argument("cases", nargs="?", type=int, default=2500, help="how many (2500)")
    parser.add_argument("--seed", type=int, default=0, help="other cases (0)")
    parser.add_argument("--format", choices=FORMATS, default="", help="of this format only")
    parser.add_argument("--case", type=int, help="repeat this one alone")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="for bad files")
    parser.add_argument("--show", choices=report.OUTCOMES, help="tell of each such case")
    parser.add_argument("--alone", action="store_true", help="do not measure pydicom as well")
    options = parser.parse_args()
    if options.cases < 1:
        parser.error(f"there is nothing to read in {options.cases} cases")
    return options


if __name__ == "__main__":
    sys.exit(main())
