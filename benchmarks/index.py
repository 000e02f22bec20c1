"""Headers a second of the index, first and second time, and what a million rows take.

The files are made at run time: CT slices of 512 x 512 x 16 bit with the 110 elements that a
scanner writes, their pixels a hole in the file, which a header pass never reads. Twice as many
processes as a machine has cores gain nothing; workers are one a core.

The million rows are names: hard links to a thousand such files, in folders of a thousand, so
that listing them and asking the file system for their states is real. Reading a million
headers would take ten minutes and show nothing that the first part does not: their facts are
put into the store of what is known, a thousand facts a thousand times. After that everything
is as a user meets it, but that the index file is smaller than one of a million different
slices would be. Memory is the process's own, the most so far (`ru_maxrss`).

    python benchmarks/index.py [--files 20000] [--rows 1000000]
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import machine
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tfmed import data
from tfmed.data import auditing, headers, known, parts
from tfmed.data.examined import COLUMNS
from tfmed.data.stored import store, stored
from tfmed.run import Run

SIDE = 512
IN_A_FOLDER = 1000
LEAST_ROWS = 10 * IN_A_FOLDER
SERIES = 200  # slices
ROOT = "1.2.826.0.1.3680043.10.1"
# What a template holds in place of each file's own.
INSTANCE, SERIES_NUMBER, HEIGHT = "777777777", "888888888", "+000.0"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    wanted = parser.parse_args()
    if 0 < wanted.rows < LEAST_ROWS:
        # Fewer names belong to too few patients to be split.
        parser.error(f"--rows is {wanted.rows}; expected 0 or at least {LEAST_ROWS}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TFMED_DATA"] = str(Path(folder) / "home")
        if wanted.files:
            header_pass(Path(folder) / "scans", wanted.files)
        if wanted.rows:
            many_rows(Path(folder), wanted.rows)


def header_pass(folder: Path, count: int) -> None:
    """Headers a second: `audit` without pixels, and the reading that groups files to series."""
    paths = [str(path) for path in write(folder, count)]
    dataset = data.open(folder)
    for what, work in (
        ("audit, headers only", lambda: auditing.audit(dataset, pixels=False)),
        ("headers for grouping", lambda: headers.read_headers(paths)),
    ):
        seconds = [timed(work) for _ in range(3)]
        second = min(seconds[1:])
        print(f"{what}, {count:,} files on {machine.described()}, without TensorFlow")
        print(f"  first pass   {count / seconds[0]:>9,.0f} files/s  {seconds[0]:6.2f} s")
        print(f"  second pass  {count / second:>9,.0f} files/s  {second:6.2f} s")
        print(f"  ratio        {seconds[0] / second:>9.1f}")


def many_rows(folder: Path, count: int) -> None:
    """Seconds and memory of each step over a million rows of which all is known."""
    links(folder, count)
    told("begin", 0.0)
    with step(f"list {count:,} files"):
        dataset = data.open(folder / "many")
    know(dataset)
    with step("audit, all known"):
        dataset = auditing.audit(dataset, pixels=False)
    run = Run(folder / "run")
    with step("store"):
        store(run, dataset)
    size = run.path("index.parquet").stat().st_size
    with step(f"read back {size / 1e6:,.0f} MB"):
        again = stored(run)
    assert again.table.dtypes.equals(dataset.table.dtypes)
    assert len(again) == count
    with step("split by patient"):
        parts.assign(again, seed=1)


def timed(work) -> float:  # noqa: ANN001
    """Seconds that a call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


@contextmanager
def step(what: str) -> Iterator[None]:
    """Print what a block took."""
    begun = time.perf_counter()
    yield
    told(what, time.perf_counter() - begun)


def told(what: str, seconds: float) -> None:
    """Print a line of time and memory."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    now = pages * resource.getpagesize() / 1e6
    print(f"  {what:28} {seconds:7.1f} s   {now:7,.0f} MB now, {most:7,.0f} MB at most")


def links(folder: Path, count: int) -> None:
    """`count` names in two classes, hard links to a thousand files."""
    real = write(folder / "real", IN_A_FOLDER)
    for start in range(0, count, IN_A_FOLDER):
        number = start // IN_A_FOLDER
        here = folder / "many" / ("no", "yes")[number % 2] / f"{number:05d}"
        here.mkdir(parents=True)
        for path in real[: min(IN_A_FOLDER, count - start)]:
            os.link(path, here / path.name)


def know(dataset: data.Dataset) -> None:
    """Put the facts of the thousand real files into the store for each of their names.

    Patients are numbered, a hundred rows each, so that a split has something to do.
    """
    few = auditing.audit(dataset.with_table(dataset.table.iloc[:IN_A_FOLDER]), pixels=False)
    facts = few.table[[*COLUMNS, *auditing.FROM_HEADER]].assign(reason="").to_dict("records")

    def read(rows: np.ndarray) -> Iterator[known.Fact]:
        for row in rows.tolist():
            yield row, {**facts[row % IN_A_FOLDER], "patient": f"P{row // 100}"}, True

    known.facts("headers", auditing.SCHEMA, known.marks(dataset.table), read)


def write(folder: Path, count: int) -> list[Path]:
    """CT slices whose pixels are holes; UIDs and places are their own."""
    folder.mkdir(parents=True)
    head = folder.parent / "head"
    template(head)
    content = head.read_bytes()[: -SIDE * SIDE * 2]
    paths = []
    for number in range(count):
        path = folder / f"{number:06d}.dcm"
        own = content.replace(INSTANCE.encode(), b"%09d" % (10**8 + number))
        own = own.replace(SERIES_NUMBER.encode(), b"%09d" % (10**8 + number // SERIES))
        own = own.replace(HEIGHT.encode(), b"%+06.1f" % (number % SERIES))
        with path.open("wb") as file:
            file.write(own)
            file.truncate(len(own) + SIDE * SIDE * 2)
        paths.append(path)
    return paths


def template(path: Path) -> None:
    """One CT slice with the elements that a scanner writes."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CTImageStorage
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = f"{ROOT}.3.{INSTANCE}"
    for keyword, value in SCANNER.items():
        setattr(image, keyword, value)
    for number, keyword in enumerate(("Study", "Series", "Content", "Acquisition")):
        setattr(image, f"{keyword}Date", "20260102")
        setattr(image, f"{keyword}Time", f"10000{number}.25")
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "CTTHOR", "99LOCAL", "Thorax"
    image.ProcedureCodeSequence = image.RequestAttributesSequence = [code]
    private = image.private_block(0x0019, "SCANNER", create=True)
    for element in range(40):
        private.add_new(element, "LO", f"private value {element}")
    image.PixelData = bytes(SIDE * SIDE * 2)
    image["PixelData"].VR = "OW"
    image.save_as(path, enforce_file_format=True)


SCANNER = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "AccessionNumber": "A1",
    "Modality": "CT",
    "Manufacturer": "Maker",
    "InstitutionName": "Hospital",
    "StationName": "CT1",
    "StudyDescription": "Thorax",
    "SeriesDescription": "Thorax 1.0",
    "ManufacturerModelName": "Model 64",
    "PatientName": "Doe^Test",
    "PatientID": "P1",
    "PatientBirthDate": "19600101",
    "PatientSex": "F",
    "PatientAge": "066Y",
    "PatientWeight": "70",
    "BodyPartExamined": "CHEST",
    "ScanOptions": "HELICAL",
    "SliceThickness": "1.0",
    "KVP": "120",
    "DataCollectionDiameter": "500",
    "SoftwareVersions": "1.0",
    "ProtocolName": "Thorax",
    "ReconstructionDiameter": "350",
    "DistanceSourceToDetector": "1085.6",
    "DistanceSourceToPatient": "595",
    "GantryDetectorTilt": "0",
    "TableHeight": "150",
    "RotationDirection": "CW",
    "ExposureTime": "500",
    "XRayTubeCurrent": "200",
    "Exposure": "100",
    "FilterType": "FLAT",
    "GeneratorPower": "60",
    "FocalSpots": "1.2",
    "ConvolutionKernel": "B30f",
    "PatientPosition": "HFS",
    "StudyInstanceUID": f"{ROOT}.1.1",
    "SeriesInstanceUID": f"{ROOT}.2.{SERIES_NUMBER}",
    "StudyID": "1",
    "SeriesNumber": "2",
    "AcquisitionNumber": "1",
    "InstanceNumber": "1",
    "ImagePositionPatient": ["-175.0", "-175.0", HEIGHT],
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "FrameOfReferenceUID": f"{ROOT}.4.1",
    "PositionReferenceIndicator": "",
    "SliceLocation": HEIGHT,
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": SIDE,
    "Columns": SIDE,
    "PixelSpacing": ["0.68", "0.68"],
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "WindowCenter": ["40", "-600"],
    "WindowWidth": ["400", "1200"],
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
}


if __name__ == "__main__":
    main()
