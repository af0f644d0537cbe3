"""What processes of benchmarks cost, as the kernel counts it."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "processes"))
from support import PEERS, Program  # noqa: E402


def memory_mib(pid):
    """Resident and anonymous MiB, by /proc/PID/smaps_rollup."""
    fields = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, kib = line.split()[:2]
        fields[name.rstrip(":")] = int(kib) / 1024
    return fields["Rss"], fields["Anonymous"]


def cpu_seconds(pid):
    """CPU of all its threads, in nanoseconds' steps where the kernel has them, else in ticks of 10 ms."""
    try:
        return sum(int(task.joinpath("schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9
    except FileNotFoundError:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def programs():
    """A folder, and a function that starts programs in it; all end with the block, each by its own pid."""
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder, contextlib.ExitStack() as stack:
        def start(words, name):
            program = Program(words, folder, name)
            stack.callback(lambda: program.process.poll() is None and program.kill())
            return program
        yield pathlib.Path(folder), start


def alertmanager_words():
    """Debian's Alertmanager insists on its default template in /usr/share. Where the package is only unpacked, root
    shows it there in a mount namespace of its own, and others have to install prometheus-alertmanager."""
    installed = pathlib.Path("/usr/share/prometheus/alertmanager/default.tmpl")
    program = str((PEERS / "alertmanager").resolve())
    if installed.exists():
        return [program]
    unpacked = pathlib.Path(program).parents[1] / "share"
    if os.geteuid() != 0 or not (unpacked / "prometheus").is_dir() or not shutil.which("unshare"):
        raise SystemExit(f"{installed} is missing: Alertmanager needs it. Run as root, or install prometheus-alertmanager")
    script = 'mount --bind "$0/prometheus" /usr/share/prometheus && exec "$@"'
    if not pathlib.Path("/usr/share/prometheus").is_dir():
        script = 'mount -t tmpfs none /usr/share && mkdir /usr/share/prometheus && ' + script
    return ["unshare", "-m", "sh", "-c", script, str(unpacked), program]


def output_of(words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
