#!/usr/bin/python3
"""dns_sd_configs: Vedette and a real Prometheus find the same targets, as the records of a name server come and go.

Both read /etc/resolv.conf, so the test runs in a small world of its own (namespaces of user, mounts and network, which an
ordinary user may make), where that file names a server on loopback.
"""
import fcntl
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

from name_server import NXDOMAIN, SERVFAIL, SILENCE, NameServer
from support import PEERS, ProcessTest, free_port, get_json, run, wait_for

INSIDE = "VEDETTE_OWN_WORLD"

CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - {{job_name: srv, dns_sd_configs: [{{names: [_web._tcp.shop.test, _none._tcp.shop.test], refresh_interval: 1s}}]}}
  - {{job_name: a, dns_sd_configs: [{{names: [both.shop.test.], type: A, port: 9100, refresh_interval: 1s}}]}}
  - {{job_name: aaaa, dns_sd_configs: [{{names: [both.shop.test], type: aaaa, port: 9100, refresh_interval: 1s}}]}}
  - {{job_name: mx, dns_sd_configs: [{{names: [shop.test], type: MX, port: 25, refresh_interval: 1s}}]}}
  - {{job_name: alias, dns_sd_configs: [{{names: [alias.shop.test], type: A, port: 80, refresh_interval: 1s}}]}}
  - {{job_name: search, dns_sd_configs: [{{names: [db], type: A, port: 5432, refresh_interval: 1s}}]}}
  - {{job_name: many, dns_sd_configs: [{{names: [_many._tcp.shop.test], refresh_interval: 1s}}]}}
  - {{job_name: broken, dns_sd_configs: [{{names: [broken.shop.test], type: A, port: 1, refresh_interval: 1s}}]}}
  - job_name: relabelled
    dns_sd_configs: [{{names: [_web._tcp.shop.test], refresh_interval: 1s}}]
    relabel_configs:
      - {{source_labels: [__meta_dns_srv_record_target], regex: '(.*)[.]shop[.]test[.]', target_label: machine}}
      - {{source_labels: [__meta_dns_srv_record_port], target_label: port}}
{ns}"""
NS = "  - {job_name: ns, dns_sd_configs: [{names: [shop.test], type: NS, port: 53, refresh_interval: 1s}]}\n"


def first_table():
    return {
        ("SRV", "_web._tcp.shop.test"): [("a.shop.test", 8080), ("b.shop.test.", 81)],
        ("SRV", "_many._tcp.shop.test"): [(f"machine-with-a-long-name-{n}.shop.test", 1000 + n) for n in range(40)],
        ("A", "both.shop.test"): ["127.0.0.9", "127.0.0.8"],
        ("AAAA", "both.shop.test"): ["::1"],
        ("MX", "shop.test"): ["mail.shop.test"],
        ("NS", "shop.test"): ["ns1.shop.test", "ns2.shop.test"],
        ("A", "alias.shop.test"): [("CNAME", "both.shop.test"), ("A", "127.0.0.9")],
        ("A", "db.inner.test"): ["127.0.0.7"],
        ("A", "broken.shop.test"): ["127.0.0.6"],
    }


def raise_loopback():
    """`ip link set lo up`, where the program `ip` may be missing."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING


class DnsDiscovery(ProcessTest):
    @classmethod
    def setUpClass(cls):
        cls.server = NameServer("127.0.0.53", 53)
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        super().setUp()
        self.server.table = first_table()

    def found(self, program):
        targets = get_json(program.url + "/api/v1/targets")["data"]["activeTargets"]
        return sorted(([t["scrapePool"], t["discoveredLabels"], t["labels"], t["scrapeUrl"]] for t in targets), key=json.dumps)

    def assert_same_targets(self, what, holds):
        seen = {}

        def same():
            seen["ours"], seen["theirs"] = self.found(self.vedette), self.found(self.prometheus)
            return seen["ours"] == seen["theirs"] and holds(seen["ours"])
        try:
            wait_for(what, same, 40)
        except AssertionError:
            self.maxDiff = None
            self.assertEqual(seen["ours"], seen["theirs"], what)
            self.fail(f"{what}: {[target[3] for target in seen['ours']]}")

    def start_both(self):
        version = run([PEERS / "prometheus", "--version"])
        new = "version 3." in version[1] + version[2]  # NS came later than Debian's
        config = CONFIG.format(ns=NS if new else "")
        self.expected = 53 if new else 51
        port = free_port()
        self.prometheus = self.start(
            [PEERS / "prometheus", f"--config.file={self.write('prometheus.yml', config)}",
             f"--storage.tsdb.path={self.folder}/prometheus", f"--web.listen-address=127.0.0.1:{port}"], "prometheus")
        self.prometheus.url = f"http://127.0.0.1:{port}"
        self.vedette = self.start_vedette(config)
        self.wait_ready(self.prometheus, seconds=40)

    def test_both_find_the_same_targets_while_records_change(self):
        self.start_both()
        self.assert_same_targets("the first records", lambda all: len(all) == self.expected)
        self.assertGreater(self.server.asked_over_tcp, 0)
        table = first_table()
        table["SRV", "_web._tcp.shop.test"] = [("b.shop.test", 81), ("c.shop.test", 82)]
        table["SRV", "_none._tcp.shop.test"] = [("late.shop.test", 7)]
        table["A", "both.shop.test"] = NXDOMAIN   # gone
        table["A", "broken.shop.test"] = SERVFAIL  # nobody knows: what was found stays
        self.server.table = table
        self.assert_same_targets("the second records", lambda all: "late.shop.test:7" in json.dumps(all) and "http://127.0.0.9:9100" not in json.dumps(all))
        self.assertIn("127.0.0.6:1", json.dumps(self.found(self.vedette)))

    def test_a_silent_name_server_holds_up_nobody(self):
        self.server.table["SRV", "_web._tcp.shop.test"] = SILENCE
        self.vedette = self.start_vedette(CONFIG.format(ns=NS))
        wait_for("the other records", lambda: len(self.found(self.vedette)) == 49)
        self.assertNotIn("a.shop.test", json.dumps(self.found(self.vedette)))
        wait_for("the word about it", lambda: "no answer from the name servers for _web._tcp.shop.test" in self.vedette.output())
        self.server.table = first_table()
        wait_for("the answer at last", lambda: "a.shop.test" in json.dumps(self.found(self.vedette)))


def outside():
    """Starts itself again in a world of its own; says so when this machine lets nobody make one."""
    world = ["unshare", "--user", "--map-root-user", "--mount", "--net"]
    if not shutil.which("unshare") or subprocess.run([*world, "true"], capture_output=True).returncode != 0:
        print("skipped: this machine lets nobody make namespaces")
        return 0
    return subprocess.run([*world, sys.executable, __file__, *sys.argv[1:]], env={**os.environ, INSIDE: "1"}).returncode


if __name__ == "__main__":
    if INSIDE not in os.environ:
        sys.exit(outside())
    raise_loopback()
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as resolv:
        resolv.write("nameserver 127.0.0.53\nsearch inner.test\n")
        resolv.flush()
        os.chmod(resolv.name, 0o644)
        real = pathlib.Path("/etc/resolv.conf").resolve()
        subprocess.run(["mount", "--bind", resolv.name, str(real)], check=True)
        unittest.main(verbosity=2)
