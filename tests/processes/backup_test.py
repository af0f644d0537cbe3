#!/usr/bin/python3
"""`backup` beside a daemon that takes samples, `restore` of what is whole and of what is damaged, snapshots over HTTP."""
import json
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import time
import unittest

import remote_write
from support import VEDETTE, ProcessTest, fetch, get_json, run, wait_for

CONFIG = "server: {anonymous: viewer, tokens: [{name: all, token: all-of-it, role: admin}]}\n"
ADMIN = {"Authorization": "Bearer all-of-it"}


def names_below(folder):
    return sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*") if path.is_file())


class Backup(ProcessTest):
    def write_sample(self, program, n):
        """Sample n of each of three series, a second after the one before; True when it was acknowledged."""
        rows = [remote_write.series({"__name__": "count", "job": job}, [(self.begin + n * 1000, n)]) for job in "abc"]
        return fetch(program.url + "/api/v1/write", remote_write.body(rows), {**remote_write.HEADERS, **ADMIN})[0] == 204

    def counts(self, program, until):
        """How many samples the daemon has of each series."""
        found = get_json(program.url + "/api/v1/query", query="count_over_time(count[12h])", time=until)
        return {row["metric"]["job"]: int(row["value"][1]) for row in found["data"]["result"]}

    def setUp(self):
        super().setUp()
        self.begin = (int(time.time()) - 5 * 3600) * 1000

    def fill(self, program, count):
        for n in range(count):
            self.assertTrue(self.write_sample(program, n))

    def test_a_backup_beside_a_daemon_holds_all_that_was_acknowledged_before_it_began(self):
        program = self.start_vedette(CONFIG)
        acknowledged, stop = [0], threading.Event()

        def write():
            while not stop.is_set() and self.write_sample(program, acknowledged[0]):
                acknowledged[0] += 1
        writer = threading.Thread(target=write)
        writer.start()
        try:
            before = []
            for i in range(8):
                wait_for("a hundred more", lambda: acknowledged[0] > 100 * (i + 1))
                before.append(acknowledged[0])
                code, out, err = run([VEDETTE, "backup", self.folder / f"b{i}", "--data", self.folder / "data"])
                self.assertEqual((code, err), (0, ""), out)
        finally:
            stop.set()
            writer.join()
        for i in (0, 3, 7):
            code, out, err = run([VEDETTE, "restore", self.folder / f"b{i}", self.folder / f"r{i}"])
            self.assertEqual(code, 0, err)
            again = self.start_vedette(CONFIG, name=f"again{i}", data=f"r{i}")
            for job, count in self.counts(again, self.begin / 1000 + 6 * 3600).items():
                self.assertGreaterEqual(count, before[i], f"backup {i}, series {job}")
            again.stop()

    def test_a_backup_that_was_killed_is_whole_or_not_there_and_the_next_one_succeeds(self):
        program = self.start_vedette(CONFIG)
        self.fill(program, 50)
        program.stop()
        for i in range(30):
            (self.folder / "data" / f"more{i}").write_bytes(random.randbytes(200_000))
        target = self.folder / "b"
        words = [str(word) for word in (VEDETTE, "backup", target, "--data", self.folder / "data")]
        cut_off = 0
        for _ in range(25):
            child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(random.uniform(0, 0.06))
            child.kill()
            child.wait()
            if target.exists():
                self.assertEqual(run(["/usr/bin/sha256sum", "-c", "--quiet", "manifest.sha256"], cwd=target)[0], 0)
                shutil.rmtree(target)
            else:
                cut_off += 1
        self.assertGreater(cut_off, 0)
        self.assertEqual(run(words)[0], 0)
        self.assertEqual(names_below(self.folder / "b.unfinished"), [])
        self.assertEqual(run([VEDETTE, "restore", target, self.folder / "r"])[0], 0)

    def test_a_restore_names_what_is_damaged_and_leaves_nothing_behind(self):
        program = self.start_vedette(CONFIG)
        self.fill(program, 20)
        program.stop()
        backup, restored = self.folder / "b", self.folder / "r"
        self.assertEqual(run([VEDETTE, "backup", backup, "--data", self.folder / "data"])[0], 0)
        for name in names_below(backup):
            path = backup / name
            kept = path.read_bytes()
            for what, change in (("flipped", lambda: path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))),
                                 ("cut", lambda: path.write_bytes(kept[:len(kept) // 2])), ("removed", path.unlink)):
                with self.subTest(name=name, what=what):
                    change()
                    code, out, err = run([VEDETTE, "restore", backup, restored])
                    self.assertEqual(code, 1)
                    self.assertIn(str(path), err)
                    self.assertEqual((restored.exists(), (self.folder / "r.unfinished").exists()), (False, False))
            path.write_bytes(kept)
        self.assertEqual(run([VEDETTE, "restore", backup, restored])[0], 0)
        code, _, err = run([VEDETTE, "restore", backup, restored])
        self.assertEqual((code, err), (1, f"restore: {restored} is there and not empty; expected a folder that is to be "
                                          "made, or an empty one\n"))

    def test_what_is_damaged_can_be_restored_when_somebody_insists(self):
        program = self.start_vedette(CONFIG)
        self.fill(program, 20)
        program.stop()
        backup = self.folder / "b"
        self.assertEqual(run([VEDETTE, "backup", backup, "--data", self.folder / "data"])[0], 0)
        segment = backup / "wal/00000001"
        segment.write_bytes(segment.read_bytes()[:-5])
        code, out, err = run([VEDETTE, "restore", "--damaged", backup, self.folder / "r"])
        self.assertEqual(code, 3, err)
        self.assertIn(f"{segment} (the newest hours): is damaged", err)
        again = self.start_vedette(CONFIG, name="again", data="r")
        self.assertEqual(self.counts(again, self.begin / 1000 + 3600), {"a": 19, "b": 19, "c": 19})

    def test_a_folder_that_no_vedette_wrote_is_no_data_folder(self):
        (self.folder / "other").mkdir()
        code, _, err = run([VEDETTE, "backup", self.folder / "b", "--data", self.folder / "other"])
        self.assertEqual((code, err), (1, f"backup: {self.folder}/other has no file `format`; expected the data folder "
                                          "of a vedette\n"))
        self.assertFalse((self.folder / "b").exists())

    def test_a_snapshot_over_http_is_a_backup_below_the_data_folder(self):
        program = self.start_vedette(CONFIG, words=["--web.enable-admin-api"])
        self.fill(program, 20)
        url = program.url + "/api/v1/admin/tsdb/snapshot"
        names = {}
        for skip in ("", "?skip_head=true"):
            status, _, body = fetch(url + skip, b"", ADMIN, "POST")
            self.assertEqual(status, 200, body)
            names[skip] = json.loads(body)["data"]["name"]
            self.assertRegex(names[skip], r"^\d{8}T\d{6}Z-[0-9a-f]{16}$")
        snapshots = self.folder / "data/snapshots"
        self.assertEqual(names_below(snapshots / names[""]), ["alerts.db", "format", "manifest.sha256", "wal/00000001"])
        self.assertEqual(names_below(snapshots / names["?skip_head=true"]), ["alerts.db", "format", "manifest.sha256"])
        self.assertEqual(run([VEDETTE, "restore", snapshots / names[""], self.folder / "r"])[0], 0)
        again = self.start_vedette(CONFIG, name="again", data="r")
        self.assertEqual(self.counts(again, self.begin / 1000 + 3600), {"a": 20, "b": 20, "c": 20})
        self.assertEqual(run([VEDETTE, "backup", self.folder / "b", "--data", self.folder / "data"])[0], 0)
        self.assertNotIn("snapshots", "".join(names_below(self.folder / "b")))

    def test_every_file_of_a_data_folder_can_be_printed(self):
        program = self.start_vedette(CONFIG + "storage: {reserve_bytes: 2097152}\n")
        self.fill(program, 5)
        data = self.folder / "data"
        code, out, err = run([VEDETTE, "dump", data / "alerts.db"])
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r"alerts\.db: SQLite database, \d+ bytes, sound\n    alerts: 0 rows\n    attempts: 0 rows\n")
        program.stop()
        self.assertEqual(run([VEDETTE, "import", "openmetrics", self.write("s.txt", "old 1 1600000000\n# EOF\n"), "--data", data])[0], 0)
        self.assertEqual(run([VEDETTE, "backup", self.folder / "b", "--data", data])[0], 0)
        seen = {}
        for name in names_below(data) + ["../b/manifest.sha256"]:
            code, out, err = run([VEDETTE, "dump", data / name])
            self.assertEqual((code, err), (0, ""), name)
            seen[name] = out.split(": ", 1)[1].split("\n")[0]
        self.assertEqual(seen["reserve"], "2097152 bytes of noise, 2 whole pieces of 1 MiB for a full disk")
        self.assertEqual(seen["lock"], "the process that had the folder last")
        self.assertRegex(seen["../b/manifest.sha256"], r"^\d files, made 20")
        self.assertTrue(any(name.endswith(".block") for name in seen), seen)
        self.assertTrue(any(name.startswith("wal/") for name in seen), seen)

    def test_a_database_that_is_damaged_is_said_to_be(self):
        program = self.start_vedette(CONFIG)
        program.stop()
        path = self.folder / "data/alerts.db"
        kept = bytearray(path.read_bytes())
        kept[4096 * 3:4096 * 3 + 400] = b"x" * 400
        path.write_bytes(kept)
        code, out, err = run([VEDETTE, "dump", path])
        self.assertIn("damaged", out + err)
        code, _, err = run([VEDETTE, "backup", self.folder / "b", "--data", self.folder / "data"])
        self.assertEqual(code, 1)
        self.assertIn("alerts.db", err)

    def test_snapshots_are_off_unless_asked_for(self):
        program = self.start_vedette(CONFIG)
        status, _, body = fetch(program.url + "/api/v1/admin/tsdb/snapshot", b"", ADMIN, "POST")
        self.assertEqual((status, json.loads(body)["error"]), (500, "admin APIs disabled"))
        self.assertFalse((self.folder / "data/snapshots").exists())


if __name__ == "__main__":
    sys.exit(unittest.main())
