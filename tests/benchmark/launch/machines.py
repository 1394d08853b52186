"""Other machines for tests: the files of /proc, /sys and /etc that tell what they are, and what their programs print.

The formats are the kernel's and nvidia-smi's own, to the letter; of each machine's files only those that are read.
"""

from __future__ import annotations

from pathlib import Path

EPYC_CPUINFO = """processor\t: {cpu}
vendor_id\t: AuthenticAMD
cpu family\t: 23
model\t\t: 49
model name\t: AMD EPYC 7302 16-Core Processor
stepping\t: 0
microcode\t: 0x8301055
cpu MHz\t\t: 2994.332
cache size\t: 512 KB
physical id\t: {package}
siblings\t: 32
core id\t\t: {core}
cpu cores\t: 16
flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep
bugs\t\t: sysret_ss_attrs spectre_v1 spectre_v2 retbleed smt_rsb

"""
POWER9_CPUINFO = """processor\t: {cpu}
cpu\t\t: POWER9, altivec supported
clock\t\t: 3800.000000MHz
revision\t: 2.1 (pvr 004e 1201)

"""
POWER9_MACHINE = """timebase\t: 512000000
platform\t: PowerNV
model\t\t: 8335-GTH
machine\t\t: PowerNV 8335-GTH
firmware\t: OPAL
MMU\t\t: Radix
"""
EPYC_MOUNTS = r"""22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
23 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw
28 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro
31 28 0:26 / /dev/shm rw,nosuid,nodev shared:3 - tmpfs tmpfs rw
46 28 0:42 / /lustre/big rw,nosuid,nodev,relatime shared:30 - lustre 10.1.2.3@o2ib:10.1.2.4@o2ib:/big rw,flock
51 28 259:4 / /local\040disk rw,noatime,attr2 shared:33 - xfs /dev/nvme1n1 rw,inode64,logbufs=8
"""
A100_ROWS = "NVIDIA A100-SXM4-40GB, 40960, 535.129.03, 1410, 4, 16\n" * 4
A100_LINKS = (
    "\t\x1b[4mGPU0\tGPU1\tGPU2\tGPU3\tNIC0\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID\x1b[0m\n"
    "GPU0\t X \tNV4\tNV4\tNV4\tPXB\t0-15,32-47\t0\t\tN/A\n"
    "GPU1\tNV4\t X \tNV4\tNV4\tPXB\t0-15,32-47\t0\t\tN/A\n"
    "GPU2\tNV4\tNV4\t X \tNV4\tSYS\t16-31,48-63\t1\t\tN/A\n"
    "GPU3\tNV4\tNV4\tNV4\t X \tSYS\t16-31,48-63\t1\t\tN/A\n"
    "NIC0\tPXB\tPXB\tSYS\tSYS\t X \t\t\t\t\n\n"
    "Legend:\n\n  X    = Self\n  NV#  = Connection traversing a bonded set of # NVLinks\n"
)


def put(root: Path, path: str, text: str) -> None:
    """A file of the kernel's, which ends with a newline."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text.rstrip("\n") + "\n")


def put_cpus(root: Path, cpus: list[tuple[int, str, dict[str, tuple[str, str, str, str]]]]) -> None:
    """Each CPU by number: package, CPUs of its core, and caches by index: level, type, size, CPUs that share it."""
    for number, (package, core_cpus, caches) in enumerate(cpus):
        cpu = f"sys/devices/system/cpu/cpu{number}"
        put(root, f"{cpu}/topology/physical_package_id", str(package))
        put(root, f"{cpu}/topology/core_cpus_list", core_cpus)
        for index, cache in caches.items():
            for name, value in zip(("level", "type", "size", "shared_cpu_list"), cache, strict=True):
                put(root, f"{cpu}/cache/{index}/{name}", value)


def put_card(root: Path, kind: str, name: str, slot: str, driver: str) -> None:
    """A network device in its slot, with its driver."""
    card = root / "sys/devices" / slot
    card.mkdir(parents=True, exist_ok=True)
    (root / "sys/bus/pci/drivers" / driver).mkdir(parents=True, exist_ok=True)
    if not (card / "driver").is_symlink():
        (card / "driver").symlink_to(root / "sys/bus/pci/drivers" / driver)
    device = root / "sys/class" / kind / name / "device"
    device.parent.mkdir(parents=True, exist_ok=True)
    device.symlink_to(card)


def epyc_node(root: Path) -> Path:
    """Two EPYC 7302 of 16 cores with two threads, 512 GiB, four A100 by NVLink, HDR InfiniBand and 10 Gb/s Ethernet."""
    put(
        root,
        "proc/cpuinfo",
        "".join(EPYC_CPUINFO.format(cpu=cpu, package=cpu % 32 // 16, core=cpu % 16) for cpu in range(64)),
    )
    cpus = []
    for cpu in range(64):
        own = f"{cpu % 32},{cpu % 32 + 32}"
        first = cpu % 32 // 2 * 2  # two cores share an L3
        complex_ = f"{first}-{first + 1},{first + 32}-{first + 33}"
        cpus.append(
            (
                cpu % 32 // 16,
                own,
                {
                    "index0": ("1", "Data", "32K", own),
                    "index1": ("1", "Instruction", "32K", own),
                    "index2": ("2", "Unified", "512K", own),
                    "index3": ("3", "Unified", "16384K", complex_),
                },
            )
        )
    put_cpus(root, cpus)
    put(root, "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "3000000")
    for node in range(2):
        put(root, f"sys/devices/system/node/node{node}/cpulist", f"{16 * node}-{16 * node + 15}")
    put(root, "proc/meminfo", "MemTotal:       527943184 kB\nMemFree:        501231232 kB\nSwapTotal:             0 kB")
    put(root, "proc/self/mountinfo", EPYC_MOUNTS)
    put(root, "proc/sys/kernel/osrelease", "5.14.0-362.24.1.el9_3.x86_64")
    put(root, "etc/os-release", 'NAME="Rocky Linux"\nVERSION_ID="9.3"\nPRETTY_NAME="Rocky Linux 9.3 (Blue Onyx)"')
    port = "sys/class/infiniband/mlx5_0/ports/1"
    for name, text in (("rate", "200 Gb/sec (4X HDR)"), ("link_layer", "InfiniBand"), ("state", "4: ACTIVE")):
        put(root, f"{port}/{name}", text)
    put_card(root, "infiniband", "mlx5_0", "pci0000:c0/0000:c1:00.0", "mlx5_core")
    put_card(root, "net", "ib0", "pci0000:c0/0000:c1:00.0", "mlx5_core")
    put(root, "sys/class/net/ib0/speed", "200000")
    put_card(root, "net", "eno1", "pci0000:40/0000:41:00.0", "i40e")
    put(root, "sys/class/net/eno1/speed", "10000")
    put(root, "sys/class/net/lo/mtu", "65536")
    return root


def epyc_command(argv: list[str]) -> str | None:
    """What that node's programs print."""
    if argv[0] != "nvidia-smi":
        return None
    return A100_LINKS if argv[1:] == ["topo", "-m"] else A100_ROWS


def power9_node(root: Path) -> Path:
    """Two POWER9 of 16 cores with four threads; pairs of cores share L2 and L3; packages are numbered 0 and 8. An
    InfiniBand card with one port that is down."""
    put(root, "proc/cpuinfo", "".join(POWER9_CPUINFO.format(cpu=cpu) for cpu in range(128)) + POWER9_MACHINE)
    cpus = []
    for cpu in range(128):
        own, pair = f"{cpu // 4 * 4}-{cpu // 4 * 4 + 3}", f"{cpu // 8 * 8}-{cpu // 8 * 8 + 7}"
        cpus.append(
            (
                8 * (cpu // 64),
                own,
                {
                    "index0": ("1", "Data", "32K", own),
                    "index1": ("1", "Instruction", "32K", own),
                    "index2": ("2", "Unified", "512K", pair),
                    "index3": ("3", "Unified", "10240K", pair),
                },
            )
        )
    put_cpus(root, cpus)
    for node in (0, 8):
        put(root, f"sys/devices/system/node/node{node}/cpulist", "0")
    put(root, "proc/meminfo", "MemTotal:       600041280 kB\nMemFree:        571301312 kB")
    put(
        root,
        "proc/self/mountinfo",
        "25 1 253:0 / / rw,relatime shared:1 - xfs /dev/mapper/rhel-root rw,attr2\n"
        "61 25 0:48 / /gpfs/alpine rw,relatime shared:40 - gpfs alpine rw",
    )
    put(root, "proc/sys/kernel/osrelease", "4.18.0-305.25.1.el8_4.ppc64le")
    put(root, "etc/os-release", 'NAME="Red Hat Enterprise Linux"\nPRETTY_NAME="Red Hat Enterprise Linux 8.4 (Ootpa)"')
    for port, state, rate in (("1", "4: ACTIVE", "100 Gb/sec (4X EDR)"), ("2", "1: DOWN", "10 Gb/sec (4X SDR)")):
        for name, text in (("rate", rate), ("link_layer", "InfiniBand"), ("state", state)):
            put(root, f"sys/class/infiniband/mlx5_0/ports/{port}/{name}", text)
    put_card(root, "infiniband", "mlx5_0", "pci0003:00/0003:01:00.0", "mlx5_core")
    return root
