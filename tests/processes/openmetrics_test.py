#!/usr/bin/python3
"""`import openmetrics` takes what a real Prometheus dumps, `export openmetrics` writes what it takes; both answer the same afterwards."""
import os
import pty
import random
import re
import subprocess
import sys
import time
import unittest

import remote_write
from support import PEERS, VEDETTE, ProcessTest, fetch, free_port, get_json, run

CONFIG = "server: {anonymous: viewer, tokens: [{name: all, token: all-of-it, role: admin}]}\nstorage: {retention: 10y}\n"
HEADERS = {**remote_write.HEADERS, "Authorization": "Bearer all-of-it"}
# Prometheus 2 extrapolates, and adds up averages, differently from 3.
OF_PROMETHEUS_3 = ["rate(requests_total[5m])", "sum by (job) (increase(requests_total[1h]))", "avg_over_time(temperature[1h])"]
QUESTIONS = ["count_over_time(requests_total[6h])", "resets(requests_total[6h])", "temperature", "max_over_time(odd[6h])", "changes(odd[6h])", "absent(nothing)",
             "quantile_over_time(0.9, temperature[30m])", "last_over_time(late[6h])", "timestamp(late)"]


def samples(begin_ms, hours):
    """Series of a few kinds: {labels: [(ms, value)]}; times are not on whole seconds, some are missing."""
    chance = random.Random(7)
    out = {}
    for i in range(12):
        counter, gauge = [], []
        count = 0
        for n in range(hours * 240):
            at = begin_ms + n * 15_000 + 7 + i * 1237 + chance.randrange(3)
            if chance.random() < 0.02:
                continue
            count = 0 if chance.random() < 0.003 else count + chance.randrange(50)
            counter.append((at, count))
            gauge.append((at, round(20 + 10 * chance.random(), 2)))
        labels = {"instance": f"host-{i}", "job": "ab"[i % 2], "path": 'C:\\x "y"\nz' if i == 3 else "/"}
        out[tuple({"__name__": "requests_total", **labels}.items())] = counter
        out[tuple({"__name__": "temperature", **labels}.items())] = gauge
    odd = [float("inf"), float("-inf"), 0.1 + 0.2, 1e300, 5e-324, -0.0, 123456789012345678]
    out[(("__name__", "odd"),)] = [(begin_ms + n * 60_000 + n, value) for n, value in enumerate(odd * 5)]
    out[(("__name__", "late"),)] = [(begin_ms + hours * 3_600_000 - 20_001, 1)]
    return out


def text_of(series, order=sorted):
    """The same as OpenMetrics."""
    escape = lambda text: text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    lines = []
    for labels, points in series.items():
        name = dict(labels)["__name__"]
        inside = ",".join(f'{key}="{escape(value)}"' for key, value in labels if key != "__name__")
        for at, value in points:
            shown = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(repr(float(value)), repr(value))
            lines.append(f"{name}{'{' + inside + '}' if inside else ''} {shown} {at // 1000}.{at % 1000:03}")
    return "\n".join(order(lines)) + "\n# EOF\n"


def parsed(text):
    """What an exposition of ours says, as a set of (series, value, milliseconds)."""
    out = set()
    for line in text.splitlines():
        match = re.fullmatch(r"(.*) (\S+) (-?\d+)\.(\d{3})(?:0005)?", line)
        if match:
            out.add((match[1], float(match[2]), int(match[3]) * 1000 + int(match[4])))
    return out


def openmetrics_of_dump(text):
    """What `promtool tsdb dump` of Prometheus 2.42 prints, which has no `dump-openmetrics`, as OpenMetrics."""
    lines = []
    for line in text.splitlines():
        match = re.fullmatch(r'\{__name__="(\w+)"(?:, (.*))?\} (\S+) (\d+)', line)
        inside = "{" + re.sub(r'", (\w+=")', r'",\1', match[2]) + "}" if match[2] else ""
        lines.append(f"{match[1]}{inside} {match[3]} {int(match[4]) // 1000}.{int(match[4]) % 1000:03}")
    return "\n".join(lines) + "\n# EOF\n"


class OpenMetrics(ProcessTest):
    def setUp(self):
        super().setUp()
        self.begin = (int(time.time()) // 60 * 60 - 6 * 3600) * 1000

    def start_prometheus(self, data, name):
        port = free_port()
        config = self.write(f"{name}.yml", "global: {}\n")
        program = self.start([PEERS / "prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}",
                              "--storage.tsdb.retention.time=10y", "--web.enable-remote-write-receiver",
                              f"--web.listen-address=127.0.0.1:{port}"], name)
        program.url = f"http://127.0.0.1:{port}"
        self.wait_ready(program, seconds=60)
        return program

    def send(self, program, series):
        """By remote write, in the order of time, half an hour at once."""
        times = sorted({at // 1_800_000 for points in series.values() for at, _ in points})
        for half_hour in times:
            rows = [remote_write.series(dict(labels), some) for labels, points in series.items()
                    if (some := [point for point in points if point[0] // 1_800_000 == half_hour])]
            status, _, body = fetch(program.url + "/api/v1/write", remote_write.body(rows), HEADERS, timeout=30)
            self.assertIn(status, (200, 204), body)

    def all_samples(self, program):
        rows = get_json(program.url + "/api/v1/query", query="{__name__=~'.+'}[7h]", time=self.begin / 1000 + 6 * 3600)["data"]["result"]
        return {tuple(sorted(row["metric"].items())): row["values"] for row in rows}

    def answers(self, program, questions):
        out = {}
        for question in questions:
            for minutes in (61, 200, 359):
                at = self.begin / 1000 + minutes * 60
                rows = get_json(program.url + "/api/v1/query", query=question, time=at)["data"]["result"]
                out[question, minutes] = sorted((sorted(row["metric"].items()), row["value"]) for row in rows)
            data = get_json(program.url + "/api/v1/query_range", query=question, start=self.begin / 1000, end=self.begin / 1000 + 21600, step=97)
            out[question] = sorted((sorted(row["metric"].items()), row["values"]) for row in data["data"]["result"])
        return out

    def questions_of(self, prometheus):
        version = get_json(prometheus.url + "/api/v1/status/buildinfo")["data"]["version"]
        return QUESTIONS if version.startswith("2.") else QUESTIONS + OF_PROMETHEUS_3

    def assert_answers(self, ours, theirs):
        self.assertEqual([question for question in theirs if ours[question] != theirs[question]], [])
        self.assertGreater(sum(bool(answer) for answer in theirs.values()), len(theirs) // 2)

    def dump_of(self, data):
        help_text = "".join(run([PEERS / "promtool", "tsdb", "--help"])[1:])
        verb = "dump-openmetrics" if "dump-openmetrics" in help_text else "dump"
        code, out, err = run([PEERS / "promtool", "tsdb", verb, data], timeout=120)
        self.assertEqual(code, 0, err)
        return out if verb == "dump-openmetrics" else openmetrics_of_dump(out)

    def import_text(self, text, data="data", code=0):
        file = self.write("samples.txt", text)
        done = run([VEDETTE, "import", "openmetrics", file, "--data", self.folder / data])
        self.assertEqual(done[0], code, done)
        return done[1], done[2]

    def export(self, data="data", *words):
        code, out, err = run([VEDETTE, "export", "openmetrics", "--data", self.folder / data, *words])
        self.assertEqual(code, 0, err)
        return out

    def assert_same(self, exported, expected):
        exported, expected = parsed(exported), parsed(expected)
        self.assertEqual((sorted(expected - exported)[:5], sorted(exported - expected)[:5]), ([], []))

    def test_what_a_real_prometheus_dumps_answers_the_same_here(self):
        prometheus = self.start_prometheus(self.folder / "prometheus", "prometheus")
        self.send(prometheus, samples(self.begin, 6))
        questions = self.questions_of(prometheus)
        expected, expected_samples = self.answers(prometheus, questions), self.all_samples(prometheus)
        self.assertGreater(sum(map(len, expected_samples.values())), 30_000)
        prometheus.stop(60)
        out, _ = self.import_text(self.dump_of(self.folder / "prometheus"))
        self.assertRegex(out, r"samples\.txt: \d+ samples of 26 series in \d+ new blocks? of")
        vedette = self.start_vedette(CONFIG)
        self.assertTrue(self.all_samples(vedette) == expected_samples)
        self.assert_answers(self.answers(vedette, questions), expected)

    def test_what_is_exported_answers_the_same_in_a_real_prometheus(self):
        vedette = self.start_vedette(CONFIG)
        self.send(vedette, samples(self.begin, 6))
        # Beside the daemon, which goes on.
        text = self.export()
        self.assert_same(text, text_of(samples(self.begin, 6)))
        file = self.write("export.txt", text)
        code, out, err = run([PEERS / "promtool", "tsdb", "create-blocks-from", "openmetrics", file, self.folder / "made"], timeout=120)
        self.assertEqual(code, 0, out + err)
        prometheus = self.start_prometheus(self.folder / "made", "prometheus")
        questions = self.questions_of(prometheus)
        self.assertTrue(self.all_samples(vedette) == self.all_samples(prometheus))
        self.assert_answers(self.answers(vedette, questions), self.answers(prometheus, questions))

    def test_an_export_can_be_narrowed_to_series_and_times(self):
        self.import_text('a{x="1"} 1 100\na{x="1"} 2 200\na{x="2"} 3 150.0004\nb 4 150\n# EOF\n')
        self.assertEqual(self.export("data", "--match", 'a{x="1"}', "--match", "{__name__=~'a|b'}", "--start", "150", "--end", "1970-01-01T00:03:20Z"),
                         'a{x="1"} 2 200.000\na{x="2"} 3 150.000\nb 4 150.000\n# EOF\n')

    def test_an_import_that_was_killed_goes_on_and_loses_nothing(self):
        begin = self.begin - 20 * 86_400_000
        series = {(("__name__", "days"), ("x", str(i))): [(begin + n * 60_000 + i, n * i) for n in range(20 * 1440)] for i in range(8)}
        text = text_of(series, list)
        file = self.write("long.txt", text)
        words = [str(word) for word in (VEDETTE, "import", "openmetrics", file, "--data", self.folder / "data")]
        progress = self.folder / "data/import.progress"
        for attempt in range(25):
            child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                # Longer each time, so that it is killed at another place and, on a fast machine, gets to the end at last.
                child.wait(timeout=random.uniform(0, 0.1) + 0.03 * attempt)
                break
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        there = progress.exists() and len(progress.read_text().splitlines()) > 1
        code, _, err = run(words, timeout=120)
        self.assertEqual((code, "import: went on: " in err), (0, there), err)
        self.assertFalse(progress.exists())
        self.assert_same(self.export(), text)

    def test_samples_that_memory_held_are_still_there_behind_an_import_of_the_same_time(self):
        vedette = self.start_vedette(CONFIG)
        at = self.begin + 5 * 3_600_000
        held = {(("__name__", "held"),): [(at + n * 15_000, n) for n in range(40)]}
        self.send(vedette, held)
        code, _, err = run([VEDETTE, "import", "openmetrics", self.write("x", "a 1 1\n# EOF\n"), "--data", self.folder / "data"])
        self.assertEqual(code, 1)
        self.assertEqual(err, f"import: {self.folder}/data/lock is locked by process {vedette.pid}; two programs cannot share a folder. "
                              "Stop the daemon first: an import writes blocks beside what it holds in memory\n")
        vedette.stop()
        brought = {(("__name__", "brought"),): [(at - 3_600_000 + n * 15_000, n) for n in range(300)]}
        self.import_text(text_of(brought, list))
        expected = text_of({**held, **brought})
        self.assert_same(self.export(), expected)
        again = self.start_vedette(CONFIG)
        self.send(again, {(("__name__", "held"),): [(at + n * 15_000, n) for n in range(70, 90)]})
        again.stop()
        self.assertEqual(len(parsed(self.export())), len(parsed(expected)) + 20)

    def test_what_cannot_be_imported_is_said_with_file_and_line_and_nothing_is_written(self):
        for text, said in (
                ("a 1 1\na 2\n# EOF\n", ':2: "a" has no time; expected seconds since 1970 behind the value'),
                ("a 1 1\na 2 2\n", ":2: the page ends without `# EOF`; expected it as the last line of OpenMetrics"),
                ("a 1 1\na x 2\n# EOF\n", ':2: "x" is no value of "a"; expected a number'),
                ("a 1 soon\n# EOF\n", ':1: "soon" is no time; expected seconds since 1970'),
                ('a{b="c} 1 1\n# EOF\n', ':1: the labels that open with `{` do not end; expected `}` in "a{b=\\"c} 1 1"'),
                ('a{b=c} 1 1\n# EOF\n', ':1: "c}" in "a{b=c}"; expected a value in quotes'),
                ("a 1 1\n\n# EOF\n", ":2: an empty line, which OpenMetrics does not have"),
                ("a 1 1\n# EOF\na 2 2\n", ":3: text after `# EOF`"),
                ("u.t 1 1\n# EOF\n", ':1: ".t" is no value of "u"; expected a number'),
                ("a 1 32503680000\n# EOF\n", ":1: a sample of 3000-01-01T00:00:00.000Z; expected none later than ")):
            with self.subTest(text=text):
                _, err = self.import_text(text, code=1)
                self.assertTrue(err.startswith(f"import: {self.folder}/samples.txt{said}"), err)
                self.assertEqual(list((self.folder / "data/blocks").iterdir()), [])

    def test_lines_that_contradict_each_other_are_counted_and_the_first_counts(self):
        out, err = self.import_text("a 1 1\na 1 1\na 2 1.0004\n# EOF\n", code=3)
        self.assertIn("import: 1 line said the same as another\n", err)
        self.assertIn("import: left out 1 line of times that an earlier line speaks of: a is 1 and 2 at 1970-01-01T00:00:01.000Z; the first counts\n", err)
        self.assertEqual(self.export(), "a 1 1.000\n# EOF\n")

    def test_on_a_terminal_an_import_says_how_far_it_is(self):
        file = self.write("samples.txt", text_of(samples(self.begin, 6)))
        ours, theirs = pty.openpty()
        with subprocess.Popen([str(VEDETTE), "import", "openmetrics", str(file), "--data", str(self.folder / "data")],
                              stdout=subprocess.DEVNULL, stderr=theirs):
            pass
        os.close(theirs)
        shown = os.read(ours, 65536).decode()
        os.close(ours)
        self.assertRegex(shown, r"\rreading   0 %  .*\rimporting   0 %  .*\r\x1b\[K")


if __name__ == "__main__":
    sys.exit(unittest.main())
