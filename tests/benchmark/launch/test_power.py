"""Power: what the counters of a made powercap tree count is found again, to the last microjoule."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import wait_until

from benchmark.foundation.errors import StemdlError
from benchmark.launch.power import PowerReading, Sampler, read_readings
from benchmark.launch.power_meters import NvidiaSmi, Nvml, Rapl, is_meter, make_meter

RANGE = 262_143_328_850


class Powercap:
    """The tree of a machine with two packages, of which one has memory counted separately; and its clock."""

    ZONES = {
        "intel-rapl:0": "package-0",
        "intel-rapl:0:0": "core",
        "intel-rapl:0:1": "dram",
        "intel-rapl:1": "package-1",
        "intel-rapl:2": "psys",
    }

    def __init__(self, root: Path, begins: dict[str, int]) -> None:
        self.root, self.seconds = root, 1000.0
        self.count = {zone: begins.get(zone, 0) for zone in self.ZONES}
        for zone, name in self.ZONES.items():
            (root / zone).mkdir(parents=True, exist_ok=True)
            (root / zone / "name").write_text(name + "\n")
            (root / zone / "max_energy_range_uj").write_text(f"{RANGE}\n")
        (root / "intel-rapl").mkdir(exist_ok=True)  # the control type, which counts nothing
        self.add({})

    def add(self, microjoules: dict[str, int]) -> None:
        for zone in self.ZONES:
            self.count[zone] = (self.count[zone] + microjoules.get(zone, 0)) % RANGE
            (self.root / zone / "energy_uj").write_text(f"{self.count[zone]}\n")

    def meter(self) -> Rapl:
        return Rapl(self.root, lambda: self.seconds)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, RANGE - 1),
    st.lists(
        st.tuples(st.integers(0, RANGE - 1), st.integers(0, RANGE - 1), st.integers(0, RANGE - 1)),
        min_size=1,
        max_size=5,
    ),
)
def test_energy_is_that_of_packages_and_memory_whenever_their_counters_begin_anew(
    tmp_path_factory: pytest.TempPathFactory, begin: int, steps: list[tuple[int, int, int]]
) -> None:
    tree = Powercap(tmp_path_factory.mktemp("rapl"), {"intel-rapl:0": begin, "intel-rapl:0:1": RANGE - 1})
    meter = tree.meter()
    for first, memory, second in steps:
        tree.add(
            {
                "intel-rapl:0": first,
                "intel-rapl:0:1": memory,
                "intel-rapl:1": second,
                "intel-rapl:0:0": 7_000_000,
                "intel-rapl:2": 9_000_000,
            }
        )  # parts and wholes of the others
        joules = meter.joules()
    assert joules == pytest.approx(sum(map(sum, steps)) / 1e6, abs=1e-6)


def test_watts_are_joules_over_the_time_since_the_last_call(tmp_path: Path) -> None:
    tree = Powercap(tmp_path, {"intel-rapl:0": RANGE - 1_000_000})
    meter = tree.meter()
    assert meter.watts() == 0.0
    tree.seconds += 0.5
    tree.add({"intel-rapl:0": 60_000_000, "intel-rapl:1": 40_000_000})  # the first passes its range
    assert meter.watts() == pytest.approx(200.0)
    tree.seconds += 2.0
    tree.add({"intel-rapl:0:1": 10_000_000})
    assert meter.watts() == pytest.approx(5.0)


def test_counters_that_are_not_there_or_not_readable_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StemdlError, match="no RAPL counters"):
        Rapl(tmp_path)
    tree = Powercap(tmp_path, {})

    def refuse(path: Path, *_: object, **__: object) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return f"{RANGE}" if path.name == "max_energy_range_uj" else "package-0"

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(StemdlError, match="may not be read") as raised:
        tree.meter()
    assert "chmod a+r" in str(raised.value)


class Nvidia:
    """Two accelerators behind NVML's functions, of a kind that counts energy or not."""

    class NVMLError(Exception):
        """What NVML raises."""

    def __init__(self, counts: bool = True, devices: int = 2, broken: bool = False) -> None:
        self.counts, self.devices, self.broken = counts, devices, broken
        self.millijoules = [5_000, 7_000]

    def nvmlInit(self) -> None:
        if self.broken:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetCount(self) -> int:
        return self.devices

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetTotalEnergyConsumption(self, device: int) -> int:
        if not self.counts:
            raise self.NVMLError("Not Supported")
        return self.millijoules[device]

    def nvmlDeviceGetPowerUsage(self, device: int) -> int:
        if self.broken:
            raise self.NVMLError("GPU is lost")
        return 100_000 + device * 50_000


def test_nvml_counts_energy_where_it_can_and_asks_for_power_elsewhere() -> None:
    nvml, clock = Nvidia(), SimpleNamespace(seconds=0.0)
    meter = Nvml(nvml, lambda: clock.seconds)
    assert meter.watts() == 0.0
    nvml.millijoules, clock.seconds = [5_000 + 30_000, 7_000 + 10_000], 0.1
    assert meter.watts() == pytest.approx(400.0)
    older = Nvidia(counts=False)
    meter = Nvml(older)
    assert meter.watts() == 250.0
    older.broken = True
    with pytest.raises(StemdlError, match="GPU is lost"):
        meter.watts()


@pytest.mark.parametrize(
    ("nvml", "says"), [(Nvidia(devices=0), "sees no accelerator"), (Nvidia(broken=True), "cannot be used")]
)
def test_nodes_that_nvml_knows_nothing_of_are_told(nvml: Nvidia, says: str) -> None:
    with pytest.raises(StemdlError, match=says):
        Nvml(nvml)


def test_nvidia_smi_is_asked_where_nvml_is_not_installed() -> None:
    assert NvidiaSmi(lambda argv: "61.20\n300.05").watts() == pytest.approx(361.25)
    for nothing in (None, "[N/A]"):
        with pytest.raises(StemdlError, match="tells no power"):
            NvidiaSmi(lambda argv, nothing=nothing: nothing)


def test_the_meters_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_meter("rapl") and is_meter("nvml") and is_meter("rapl+nvml")
    assert not is_meter("rapl.csv") and not is_meter("")
    monkeypatch.setattr("benchmark.launch.power_meters.Rapl", lambda: SimpleNamespace(watts=lambda: 3.0, covers="a"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(StemdlError, match="nothing to ask"):
        make_meter("nvml")
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(
        "benchmark.launch.power_meters.NvidiaSmi", lambda: SimpleNamespace(watts=lambda: 4.0, covers="b")
    )
    both = make_meter("rapl+nvml")
    assert both.watts() == 7.0 and both.covers == "a and b"


class Scripted:
    """A meter that gives the readings it was made with, then breaks where it was made to."""

    covers = "a script"

    def __init__(self, watts: list[float]) -> None:
        self.left = watts

    def watts(self) -> float:
        if not self.left:
            raise StemdlError("the meter broke")
        return self.left.pop(0)


def test_a_sampler_reads_while_the_block_lasts_and_once_at_its_end() -> None:
    began = time.monotonic()
    with Sampler(Scripted([0.0] + [5.0] * 1_000_000), seconds=0.02) as sampler:
        wait_until(lambda: len(sampler.readings) > 2)
    most = (time.monotonic() - began) / 0.02 + 1
    times = [sampler.started_ms, *(reading.time_ms for reading in sampler.readings)]
    assert 3 < len(sampler.readings) <= most and {reading.watts for reading in sampler.readings} == {5.0}
    assert times == sorted(times) and times[-1] > times[0]
    assert sampler.fault is None and sampler.cpu_seconds > 0


def test_a_meter_that_breaks_does_not_end_the_run() -> None:
    with Sampler(Scripted([0.0, 5.0]), seconds=0.01) as sampler:
        wait_until(lambda: sampler.fault)
    assert "the meter broke" in str(sampler.fault) and len(sampler.readings) == 1
    with pytest.raises(StemdlError, match="the meter broke"), Sampler(Scripted([])):
        raise AssertionError("one that is broken before is reported before")


@pytest.mark.parametrize(
    "text",
    [
        "1000,50\n1001.5,60.25\n",
        "time,watts\n1000,50\n\n1001.5,60.25\n",
        "1970-01-01T00:16:40Z,50\n1970-01-01T01:16:41.500+01:00,60.25\n",
    ],
)
def test_a_meters_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "pdu.csv").write_text(text)
    assert read_readings(tmp_path / "pdu.csv") == [PowerReading(1_000_000, 50.0), PowerReading(1_001_500, 60.25)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1000,50\n", "too few"),
        ("time,watts\n1000,50\n1000,60\n", "pdu.csv:3: the times do not increase"),
        ("1000,50\n1001\n", "pdu.csv:2: this is not a power reading"),
        ("1000,50\n1001,-3\n", "out of range"),
        ("1000,50\n1001,nan\n", "out of range"),
        ("1970-01-01T00:16:40,50\n1001,1\n", "no offset from UTC"),
        ("1000,50\n1001,much\n", "pdu.csv:2"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "pdu.csv").write_text(text)
    with pytest.raises(StemdlError) as raised:
        read_readings(tmp_path / "pdu.csv")
    assert says in str(raised.value)
