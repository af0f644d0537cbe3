#!/usr/bin/python3
"""A full disk: a small file system of our own, filled to the last byte beside a running vedette."""
import os
import shutil
import sqlite3
import subprocess
import unittest

from receiver import Receiver
from support import VEDETTE, ProcessTest, fetch, free_port, run, wait_for

CONFIG = """
storage: {{reserve_bytes: 4MiB}}
probes:
  - {{name: shop, type: http, url: {url}/health, every: 200ms}}
vedette_rules: [rules.yml]
route: {{receiver: team, group_wait: 0s, group_interval: 1s, group_by: [alertname]}}
receivers:
  - name: team
    webhook_configs: [{{url: {url}/hook}}]
"""
RULES = """
groups:
  - name: shop
    interval: 200ms
    rules:
      - {alert: ShopDown, expr: 'probe_success{job="shop"} == 0'}
"""


class SmallDisk:
    """A tmpfs of 16 MiB in a mount namespace of its own; an ordinary user makes a user namespace around it."""

    def __init__(self, test, path):
        path.mkdir()
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        self.holder = test.start(["unshare", *user, "--mount", "sh", "-c",
                                  f"mount -t tmpfs -o size=16m none {path} && echo mounted && exec sleep 600"], "disk")
        wait_for("a mount", lambda: self.holder.process.poll() is not None or "mounted" in self.holder.output())
        self.mounted = self.holder.process.poll() is None
        enter_user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        self.enter = ["nsenter", "--target", self.holder.pid, *enter_user, "--mount", f"--wdns={test.folder}"]
        self.path = path

    def sh(self, command):
        status, out, err = run([*self.enter, "sh", "-c", command])
        return status, out + err

    def fill(self):
        """To the last byte, although the program frees and takes some meanwhile."""
        self.sh(f"cat /dev/zero >> {self.path}/ballast")

    def free(self):
        return int(self.sh(f"df --output=avail -B1 {self.path} | tail -1")[1])


class FullDisk(ProcessTest):
    def setUp(self):
        super().setUp()
        self.disk = SmallDisk(self, self.folder / "disk")
        if not self.disk.mounted:
            self.skipTest("this machine lets nobody mount: " + self.disk.holder.output())
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.health = {"status": 200}
        self.receiver.get = lambda path: self.health["status"]
        self.write("rules.yml", RULES)
        self.config = self.write("vedette.yml", CONFIG.format(url=self.receiver.url))

    def start_inside(self, name):
        port = free_port()
        program = self.start([*self.disk.enter, VEDETTE, "run", "--config", self.config, "--data", self.disk.path / "data",
                              "--listen", f"127.0.0.1:{port}"], name)
        program.url = f"http://127.0.0.1:{port}"
        self.wait_ready(program)
        return program

    def metric(self, program, name):
        lines = fetch(program.url + "/metrics")[2].decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def states(self):
        return [body["status"] for body in self.receiver.bodies()]

    def transitions(self):
        """What the ledger has on disk, read from a copy."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        status, said = self.disk.sh(f"cp -r {self.disk.path}/data {copy}")
        self.assertEqual(status, 0, said)
        with sqlite3.connect(copy / "alerts.db") as ledger:
            return ledger.execute("SELECT state, unrecorded FROM transitions ORDER BY id").fetchall()

    def test_pages_go_out_and_are_recorded_on_a_full_disk_and_after_a_restart_on_it(self):
        vedette = self.start_inside("first")
        wait_for("up", lambda: self.instant(vedette, 'probe_success{job="shop"} == 1'))
        self.assertEqual(self.metric(vedette, "vedette_disk_reserve_bytes"), 4 << 20)
        self.disk.fill()
        wait_for("readings in memory only", lambda: self.metric(vedette, "vedette_store_samples_unlogged_total") > 0)

        self.health["status"] = 503
        wait_for("the page", lambda: self.states() == ["firing"])
        wait_for("its record", lambda: ("firing", 0) in self.transitions())
        wait_for("a piece given", lambda: self.metric(vedette, "vedette_disk_reserve_given_bytes_total") > 0)
        self.assertIn("the disk is full; space of the reserve is given to the ledger", vedette.output())

        for restart, end in enumerate(("kill", "stop")):
            self.disk.fill()  # others take what was given
            getattr(vedette, end)()
            self.disk.fill()
            self.assertEqual(self.disk.free(), 0)
            vedette = self.start_inside(f"restart {restart}")
            self.health["status"] = 200
            wait_for("the end", lambda: self.states()[-1] == "resolved")
            wait_for("a reading", lambda: self.instant(vedette, 'probe_success{job="shop"} == 1'))
            self.health["status"] = 503
            wait_for("a page again", lambda: self.states()[-1] == "firing")
            self.assertEqual(self.states(), ["firing"] + ["resolved", "firing"] * (restart + 1))
        self.assertGreater(self.metric(vedette, "vedette_store_samples_unlogged_total"), 0)

        self.disk.sh(f"rm {self.disk.path}/ballast")
        wait_for("a whole reserve", lambda: self.metric(vedette, "vedette_disk_reserve_bytes") == 4 << 20)
        unlogged = wait_for("readings logged again", lambda: self.logged_again(vedette))
        self.assertIn("the disk has room again; the reserve is whole", vedette.output())
        self.assertEqual([state for state, _ in self.transitions()][-3:], ["firing", "resolved", "firing"])
        self.assertEqual(vedette.stop(), 0)

    def logged_again(self, program):
        before = self.metric(program, "vedette_store_wal_bytes_total")
        unlogged = self.metric(program, "vedette_store_samples_unlogged_total")
        wait_for("a reading", lambda: self.metric(program, "vedette_store_wal_bytes_total") > before)
        return self.metric(program, "vedette_store_samples_unlogged_total") == unlogged


if __name__ == "__main__":
    unittest.main(verbosity=2)
