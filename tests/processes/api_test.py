#!/usr/bin/python3
"""Prometheus's API, of a whole program, compared answer by answer with what Prometheus 3.5.3 says in the same life.

    api_test.py                     compares with the recorded answers
    api_test.py --record BIN        asks the Prometheus in the folder BIN and writes the record anew
"""
import json
import pathlib
import re
import sys
import tempfile

import api_cases
from support import ProcessTest, Program, fetch, free_port, run, unittest, wait_for

RECORD = pathlib.Path(__file__).with_name("recorded") / "api.json"

# Where ours is different on purpose, and how.
OTHERWISE = {}


SERVER = "server: {anonymous: viewer, tokens: [{name: writer, token: write-here, role: editor}]}\n"


def write_rules(folder):
    (pathlib.Path(folder) / "a.yml").write_text(api_cases.RULES)
    (pathlib.Path(folder) / "b.yml").write_text(api_cases.OTHER_RULES)


def record(binaries):
    program = pathlib.Path(binaries) / "prometheus"
    _, out, err = run([program, "--version"])
    found = re.search(r"version (\d+\.\d+\.\d+)", out + err).group(1)
    if found != api_cases.VERSION:
        sys.exit(f"{program} is {found}; expected {api_cases.VERSION}")
    with tempfile.TemporaryDirectory() as folder:
        write_rules(folder)
        (pathlib.Path(folder) / "prometheus.yml").write_text(f"rule_files: ['{folder}/a.yml', '{folder}/b.yml']\n")
        port = free_port()
        server = Program([program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                          f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver"], folder, "prometheus")
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for("Prometheus", lambda: fetch(url + "/-/ready")[0] == 200, 40)
            cases = api_cases.ask_all(url, folder, {})
        finally:
            server.stop()
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    RECORD.write_text(f'{{"version": "{api_cases.VERSION}", "cases": [\n{lines}\n]}}\n')


class Api(ProcessTest):
    maxDiff = None

    def test_every_answer_is_that_of_prometheus(self):
        expected = json.loads(RECORD.read_text())
        self.assertEqual(expected["version"], api_cases.VERSION)
        write_rules(self.folder)
        ours = self.start_vedette(f"rule_files: ['{self.folder}/a.yml', '{self.folder}/b.yml']\n{SERVER}")
        answers = api_cases.ask_all(ours.url, self.folder, {"Authorization": "Bearer write-here"})
        self.assertEqual([case["what"] for case in answers], [case["what"] for case in expected["cases"]])
        for answer, wanted in zip(answers, expected["cases"]):
            with self.subTest(answer["what"]):
                if answer["what"] in OTHERWISE:
                    self.assertNotEqual(answer, wanted)
                    self.assertEqual({**wanted, **OTHERWISE[answer["what"]]}, answer)
                else:
                    self.assertEqual(answer, wanted)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--record"]:
        record(sys.argv[2])
    else:
        unittest.main(verbosity=2)
