#!/usr/bin/python3
"""The wall clock is set, forth and back, while vedette runs and between two runs. Steady time goes on."""
import glob
import json
import os
import time
import unittest

from receiver import Receiver
from support import ProcessTest, fetch, wait_for

CONFIG = """
global: {{evaluation_interval: 200ms}}
probes:
  - {{name: shop, type: http, url: {url}/shop, every: 200ms}}
  - {{name: till, type: http, url: {url}/till, every: 200ms}}
  - {{name: desk, type: http, url: {url}/desk, every: 200ms}}
vedette_rules: [rules.yml]
route: {{receiver: team, group_wait: 0s, group_interval: 1s, repeat_interval: 12h, group_by: [alertname, job]}}
receivers:
  - name: team
    webhook_configs: [{{url: {url}/hook}}]
"""
RULES = """
groups:
  - name: services
    rules:
      - {alert: Down, expr: 'probe_success{job!="desk"} == 0'}
      - {alert: Slow, expr: 'probe_success{job="desk"} == 0', for: 4s}
"""
HOUR = 3600


class Clock(ProcessTest):
    def setUp(self):
        super().setUp()
        libraries = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        self.assertTrue(libraries, "faketime is among the packages of scripts/packages/tests")
        self.clock = self.folder / ".faketimerc"  # in HOME: the program forgets the rest of its environment
        self.set_clock(0)
        # The wall clock alone, looked up on every call; files keep the times of this machine.
        self.env = {**os.environ, "LD_PRELOAD": libraries[0], "HOME": str(self.folder),
                    "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
        self.down, self.heard = set(), 0
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.receiver.get = lambda path: 503 if path.strip("/") in self.down else 200
        self.write("rules.yml", RULES)

    def set_clock(self, seconds):
        new = self.clock.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        os.replace(new, self.clock)
        self.ahead = seconds

    def start_watch(self, name):
        vedette = self.start_vedette(CONFIG.format(url=self.receiver.url), name=name, env=self.env)
        self.wait_for_readings(vedette)
        return vedette

    def readings(self, vedette, job="shop"):
        """The newest reading's time, by the program's clock."""
        found = self.query(vedette, f'timestamp(probe_success{{job="{job}"}})')
        return float(found[0]["value"][1]) if found else 0

    def query(self, vedette, expression):
        return json.loads(fetch(vedette.url + "/api/v1/query?query=" + expression.replace(" ", "%20"))[2])["data"]["result"]

    def wait_for_readings(self, vedette):
        wait_for("readings of now", lambda: abs(self.readings(vedette) - time.time() - self.ahead) < 5, 40)

    def told(self):
        """`Down shop firing`: every message, in the order in which they came."""
        return [f"{body['commonLabels']['alertname']} {body['commonLabels']['job']} {body['status']}" for body in self.receiver.bodies()]

    def expect(self, *messages):
        """These and no others, in any order; a busy machine has time."""
        wait_for(f"{messages}", lambda: len(self.told()) >= self.heard + len(messages), 40)
        self.assertEqual(sorted(self.told()[self.heard:]), sorted(messages))
        self.heard += len(messages)

    def test_pages_readings_and_waits_survive_a_clock_that_is_set(self):
        vedette = self.start_watch("first")
        self.down.add("shop")
        self.expect("Down shop firing")

        for step in (HOUR, 0):
            with self.subTest(f"running, clock at {step:+d} s"):
                self.down.add("desk")
                began = time.monotonic()
                wait_for("a wait", lambda: self.query(vedette, 'ALERTS{alertname="Slow",alertstate="pending"}'))
                self.set_clock(step)
                self.wait_for_readings(vedette)
                self.down.add("till")
                self.expect("Down till firing", "Slow desk firing")
                self.assertGreater(time.monotonic() - began, 3.5)
                self.down -= {"till", "desk"}
                self.expect("Down till resolved", "Slow desk resolved")
        self.assertGreater(self.metric(vedette, "vedette_store_samples_cut_total"), 0)

        for step in (HOUR, 0):
            with self.subTest(f"between two runs, clock at {step:+d} s"):
                self.assertEqual(vedette.stop(), 0)
                self.set_clock(step)
                vedette = self.start_watch(f"at {step}")
                self.down.add("till")
                self.expect("Down till firing")
                self.down.remove("till")
                self.expect("Down till resolved")

        # The shop was down all the time: one message, and one when it is well.
        self.down.clear()
        self.expect("Down shop resolved")
        self.assertEqual(vedette.stop(), 0)

    def metric(self, program, name):
        lines = fetch(program.url + "/metrics")[2].decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split(" ")[0] == name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
