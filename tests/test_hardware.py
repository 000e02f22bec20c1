"""oneDNN is turned on in time, and what is said of the processor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import pytest
from pebble import ProcessPool

from tfmed import hardware

SWITCH, MARK = "TF_ENABLE_ONEDNN_OPTS", "TFMED_SET_ONEDNN"
PORT = "tensorflow.python.util._pywrap_util_port"
INTEL = "fpu avx2 avx512bw avx_vnni avx512_vnni avx512_bf16 amx_bf16 amx_tile"
ALL = ["avx2", "avx512", "vnni", "bf16", "amx"]
LOST = "TensorFlow was loaded before tfmed"
COMPOSE = Path(__file__).resolve().parents[1] / "savedmodels" / "compose.yaml"
only_x86 = pytest.mark.skipif(not hardware._is_x86(), reason="elsewhere TensorFlow chooses")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in which nobody has set anything and TensorFlow is not loaded."""
    for name in (SWITCH, MARK, "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.setenv(name, "")  # so that it is put back as it was, whoever sets it meanwhile
        monkeypatch.delenv(name)
    monkeypatch.setattr(hardware, "_TENSORFLOW_WAS_FIRST", False)
    monkeypatch.delitem(sys.modules, PORT, raising=False)
    hardware.tell.cache_clear()


def cpuinfo(folder: Path, text: str) -> Path:
    """A file as Linux has it, of two cores."""
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\n{text}\n\nprocessor\t: 1\nflags\t: other\n", encoding="utf-8")
    return path


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    env = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )


@only_x86
def test_what_nobody_has_set_is_set() -> None:
    hardware.enable_onednn()
    assert os.environ[SWITCH] == "1"
    assert hardware.describe()["onednn_set_by"] == "tfmed"


@pytest.mark.parametrize("value", ["0", "1", ""])
def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(SWITCH, value)
    hardware.enable_onednn()
    assert os.environ[SWITCH] == value
    assert hardware.describe()["onednn_set_by"] == "user"


@only_x86
def test_what_the_user_sets_after_the_import_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    hardware.enable_onednn()
    monkeypatch.setenv(SWITCH, "0")
    assert hardware.describe()["onednn_set_by"] == "user"


def test_a_switch_that_tensorflow_would_not_see_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_TENSORFLOW_WAS_FIRST", True)
    hardware.enable_onednn()
    assert SWITCH not in os.environ
    assert hardware.describe()["onednn_set_by"] == "tensorflow"


def test_elsewhere_than_on_x86_tensorflow_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware.platform, "machine", lambda: "aarch64")
    hardware.enable_onednn()
    assert SWITCH not in os.environ


@only_x86
def test_a_worker_has_the_switch_and_does_not_take_it_for_the_users() -> None:
    hardware.enable_onednn()
    with ProcessPool(max_workers=1, context=get_context("spawn")) as pool:
        assert pool.schedule(os.getenv, args=[SWITCH]).result() == "1"
        assert pool.schedule(hardware.describe).result()["onednn_set_by"] == "tfmed"


@only_x86
def test_tensorflow_loaded_after_tfmed_has_onednn() -> None:
    code = (
        "from tfmed import hardware\nimport json, tensorflow\n"
        "print(json.dumps(hardware.describe()))"
    )
    found = json.loads(python(code).stdout)
    assert (found["onednn"], found["onednn_set_by"]) == (True, "tfmed")


@only_x86
def test_tensorflow_loaded_first_without_onednn_is_told_once() -> None:
    # Where TensorFlow finds the 0, oneDNN is off in this process, as it is on an old processor.
    code = (
        f"import os, tensorflow\ndel os.environ['{SWITCH}']\nfrom tfmed import hardware\n"
        "hardware.tell()\nhardware.tell()\nprint(hardware.describe()['onednn'])"
    )
    done = python(code, **{SWITCH: "0"})
    assert done.stdout == "False\n"
    assert done.stderr.count(LOST) == 1
    assert done.stderr.count("oneDNN: off, set by tensorflow") == 1
    assert f"import tfmed before tensorflow, or set {SWITCH}=1" in done.stderr


@only_x86
@pytest.mark.parametrize(
    ("first", "switch", "on", "warned"),
    [
        (True, None, False, True),
        (True, "1", False, True),  # set between the two imports: too late
        (True, "0", False, False),  # as the user wishes
        (True, None, True, False),  # a processor where it is on by itself
        (False, "1", False, False),  # a TensorFlow that was built without
    ],
)
def test_it_warns_where_the_order_of_imports_costs_time(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    first: bool,
    switch: str | None,
    on: bool,
    warned: bool,
) -> None:
    monkeypatch.setattr(hardware, "_TENSORFLOW_WAS_FIRST", first)
    monkeypatch.setitem(sys.modules, PORT, SimpleNamespace(IsMklEnabled=lambda: on))
    if switch is not None:
        monkeypatch.setenv(SWITCH, switch)
    hardware.tell()
    assert (LOST in capsys.readouterr().err) is warned


def test_what_training_runs_on_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hardware, "cores", lambda: 2)
    hardware.tell(cpuinfo(tmp_path, "model name : EPYC 7763\nflags : fpu avx2"))
    hardware.tell(tmp_path / "none")
    assert capsys.readouterr().err.splitlines() == [
        "processor: EPYC 7763, cores: 2, vector units: avx2, oneDNN: not known, set by tensorflow",
        "processor: not known, cores: 2, vector units: not known, oneDNN: not known, "
        "set by tensorflow",
    ]


def test_the_description_names_a_model_and_not_a_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "cores", lambda: 4)
    lines = f"model name\t: Xeon\nmicrocode\t: 0x2b\nflags\t\t: {INTEL}\nSerial\t: 10000000d2"
    assert hardware.describe(cpuinfo(tmp_path, lines)) == {
        "processor": "Xeon",
        "cores": 4,
        "vector_units": ALL,
        "onednn": None,
        "onednn_set_by": "tensorflow",
    }


@pytest.mark.parametrize("text", ["Features\t: fp asimd bf16\nCPU part\t: 0xd40", ""])
def test_another_processor_is_not_known(tmp_path: Path, text: str) -> None:
    for path in (cpuinfo(tmp_path, text), tmp_path / "none"):
        found = hardware.describe(path)
        assert (found["processor"], found["vector_units"]) == ("not known", "not known")
        assert hardware.vector_units(path) == []


@pytest.mark.parametrize(
    ("limit", "units"),
    [
        ("SSE41", []),
        ("avx2", ["avx2"]),
        ("AVX512_CORE", ["avx2", "avx512"]),
        ("AVX512_CORE_BF16", ["avx2", "avx512", "vnni", "bf16"]),
        ("AVX512_CORE_AMX", ALL),
        ("unheard-of", ALL),
    ],
)
def test_units_that_onednn_may_not_use_are_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, units: list[str]
) -> None:
    path = cpuinfo(tmp_path, f"flags : {INTEL}")
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", limit)
    assert hardware.vector_units(path) == units
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "AVX")
    assert hardware.vector_units(path) == units


def test_cores_are_those_that_may_be_used() -> None:
    assert 1 <= hardware.cores() <= (os.cpu_count() or 1)


def test_the_server_of_exports_has_the_switch() -> None:
    assert f'{SWITCH}: "${{{SWITCH}:-1}}"' in COMPOSE.read_text(encoding="utf-8")
