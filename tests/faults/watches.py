"""The programs that are put to the test, each as one thing that can be started, killed and told to reload: Vedette, and
Prometheus with Alertmanager. Both scrape the same page, evaluate the same rule file and tell the same webhook."""
import glob
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "processes"))
import remote_write
from support import VEDETTE, Program, fetch, free_port, get_json, wait_for

RULES = """
groups:
  - name: incidents
    rules:
      - {alert: Incident, expr: incident == 1}
"""
SCRAPING = """
global: {evaluation_interval: 200ms, scrape_interval: 200ms, scrape_timeout: 200ms}
rule_files: [rules.yml]
scrape_configs:
  - job_name: page
    static_configs: [{targets: ['%(page)s']}]
"""
TELLING = """
route: {receiver: team, group_by: [id], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers:
  - name: team
    webhook_configs: [{url: '%(hook)s', send_resolved: false}]
"""
OWN = """
server:
  anonymous: viewer
  tokens: [{name: writer, token: write-here, role: editor}]
storage: {reserve_bytes: 4MiB}
"""
ALERTING = """
alerting:
  alertmanagers:
    - static_configs: [{targets: ['127.0.0.1:%(alertmanager)d']}]
"""


class Place:
    """Where a watch lives: its folder, and when asked for a mount namespace with a small disk of its own and its own
    /etc/hosts. An ordinary user makes a user namespace around it."""

    DISK_BYTES = 192 << 20
    NAME = "receiver.test"

    def __init__(self, folder, own_mounts):
        self.folder, self.holder, self.enter = folder, None, []
        self.data = folder / "data"
        self.data.mkdir()
        if own_mounts:
            self.mount()

    def mount(self):
        self.hosts = self.folder / "hosts"
        self.name_known(True)
        (self.folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        command = (f"mount -t tmpfs -o size={self.DISK_BYTES} none {self.data} && mount --bind {self.hosts} /etc/hosts && "
                   f"mount --bind {self.folder}/resolv.conf /etc/resolv.conf && echo mounted && exec sleep 600")
        self.holder = Program(["unshare", *user, "--mount", "sh", "-c", command], self.folder, "mounts")
        wait_for("a mount", lambda: self.holder.process.poll() is not None or "mounted" in self.holder.output())
        if self.holder.process.poll() is not None:
            raise OSError("this machine lets nobody mount: " + self.holder.output())
        enter_user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        self.enter = ["nsenter", "--target", self.holder.pid, *enter_user, "--mount", f"--wdns={self.folder}"]

    def name_known(self, known):
        """Written in place: a mount shows this very file."""
        self.hosts.write_text("127.0.0.1 localhost\n" + (f"127.0.0.1 {self.NAME}\n" if known else ""))

    def sh(self, command):
        subprocess.run([str(word) for word in [*self.enter, "sh", "-c", command]], stderr=subprocess.DEVNULL, check=False)

    def close(self):
        if self.holder is not None:
            self.holder.kill()
            self.holder.log.close()


class Watch:
    """`start` waits until it is ready; `kill` is SIGKILL for all of its processes."""

    def __init__(self, place, words, env=None):
        self.place, self.words, self.env, self.programs = place, words, env, []

    def run(self, command, name, url):
        program = Program([*self.place.enter, *command], self.place.folder, name, self.env)
        self.programs.append(program)

        def ready():
            if program.process.poll() is not None:
                raise AssertionError(f"{name} ended by itself:\n{program.output()[-2000:]}")
            return fetch(url + "/-/ready", timeout=2)[0] == 200
        wait_for(url + "/-/ready", ready, 60)

    def wait_for_work(self):
        """Until the page was scraped once: Prometheus takes five seconds to begin."""
        wait_for("the page", lambda: get_json(self.url + "/api/v1/query", query="page")["data"]["result"], 60)

    def kill(self):
        for program in self.programs:
            program.kill()
            program.log.close()
        self.programs = []

    def reload(self):
        for program in self.programs:
            program.signal(signal.SIGHUP)

    def write(self, body):
        """Remote write; whatever becomes of it."""
        try:
            fetch(self.url + "/api/v1/write", data=body, timeout=10, headers={**remote_write.HEADERS, "Authorization": "Bearer write-here"})
        except OSError:
            pass

    def logs(self):
        return "".join(f"--- {path.name}\n{path.read_text(errors='replace')[-2500:]}" for path in sorted(self.place.folder.glob("*.log")))


class Vedette(Watch):
    NAME = "Vedette"

    def __init__(self, place, page, hook):
        self.clock = place.folder / ".faketimerc"  # in HOME: the program forgets the rest of its environment
        self.set_clock(0)
        (place.folder / "rules.yml").write_text(RULES)
        (place.folder / "vedette.yml").write_text((SCRAPING + TELLING + OWN) % {"page": page, "hook": hook})
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        super().__init__(place, [VEDETTE, "run", "--config", place.folder / "vedette.yml", "--data", place.data, "--listen", f"127.0.0.1:{port}"])

    def fake_the_clock(self):
        libraries = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if not libraries:
            raise OSError("faketime is among the packages of scripts/packages/tests")
        self.env = {**os.environ, "LD_PRELOAD": libraries[0], "HOME": str(self.place.folder), "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}

    def set_clock(self, seconds):
        new = self.clock.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        os.replace(new, self.clock)

    def start(self):
        self.run(self.words, "vedette", self.url)


class Stack(Watch):
    """Prometheus and Alertmanager as they are set up for reliability by default; only the timers are those of the test."""

    NAME = "Prometheus and Alertmanager"

    def __init__(self, place, page, hook, peers):
        ports = {"alertmanager": free_port(), "prometheus": free_port(), "page": page, "hook": hook}
        (place.folder / "rules.yml").write_text(RULES)
        (place.folder / "prometheus.yml").write_text((SCRAPING + ALERTING) % ports)
        (place.folder / "alertmanager.yml").write_text(TELLING % ports)
        self.url = f"http://127.0.0.1:{ports['prometheus']}"
        self.alertmanager_url = f"http://127.0.0.1:{ports['alertmanager']}"
        self.alertmanager = [peers / "alertmanager", f"--config.file={place.folder}/alertmanager.yml", f"--storage.path={place.data}/alertmanager",
                             f"--web.listen-address=127.0.0.1:{ports['alertmanager']}", "--cluster.listen-address="]
        super().__init__(place, [peers / "prometheus", f"--config.file={place.folder}/prometheus.yml", f"--storage.tsdb.path={place.data}/prometheus",
                                 f"--web.listen-address=127.0.0.1:{ports['prometheus']}", "--web.enable-remote-write-receiver"])

    def start(self):
        self.run(self.alertmanager, "alertmanager", self.alertmanager_url)
        self.run(self.words, "prometheus", self.url)

    def wait_for_work(self):
        super().wait_for_work()
        wait_for("Alertmanager", lambda: get_json(self.url + "/api/v1/alertmanagers")["data"]["activeAlertmanagers"], 60)


def bodies_of_a_million():
    """A hundred requests of ten thousand samples: a thousand series, ten samples each, a millisecond apart, ending now."""
    begin = int(time.time() * 1000) - 1000
    for request in range(100):
        at = begin + request * 10
        yield remote_write.body([remote_write.series({"__name__": "flood", "number": str(number)}, [(at + i, float(i)) for i in range(10)])
                                 for number in range(1000)])
