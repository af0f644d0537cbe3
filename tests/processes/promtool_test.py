#!/usr/bin/python3
"""`check rules`, `check metrics` and `test rules` answer what promtool was recorded to answer, byte for byte."""
import json
import pathlib
import sys
import unittest

from support import ROOT, VEDETTE

sys.path.insert(0, str(ROOT / "tests/rules/promtool"))
import cases  # noqa: E402

RECORDED = json.loads((ROOT / "tests/rules/promtool/recorded.json").read_text())["answers"]


class Promtool(unittest.TestCase):
    maxDiff = None

    def test_every_case_was_recorded(self):
        self.assertEqual(sorted(f"{file}: {title}" for file, title, _, _ in cases.read()), sorted(RECORDED))

    def test_vedette_answers_as_promtool_did(self):
        expected = lambda file, title, *_: RECORDED[f"{file}: {title}"]
        self.assertEqual(list(cases.differences(VEDETTE, expected)), [])

    def test_a_junit_file_holds_every_failure(self):
        files = {"t.yml": "tests: [{name: a, promql_expr_test: [{expr: '1 < \"x\"', eval_time: 0}]}, {name: b}]\n"}
        with cases.tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "out.xml"
            code, _, _ = cases.answer(VEDETTE, ["test", "rules", "--junit", str(path), "t.yml"], files)
            text = path.read_text()
        self.assertEqual(code, 1)
        self.assertRegex(text, r'<testsuites><testsuite name="t.yml" tests="2" failures="1" errors="0" skipped="0" '
                               r'timestamp="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"><testcase name="a"><failure>    expr: ')
        self.assertIn("&#34;1 &lt; ", text)
        self.assertTrue(text.endswith('<testcase name="b"></testcase></testsuite></testsuites>'), text)

    def test_nothing_is_left_in_the_temporary_folder(self):
        before = set(pathlib.Path("/tmp").glob("*vedette*"))
        cases.answer(VEDETTE, ["test", "rules", "t.yml"], {"t.yml": "tests: [{input_series: [{series: m, values: '1x100'}]}]\n"})
        self.assertEqual(set(pathlib.Path("/tmp").glob("*vedette*")) - before, set())

    def test_a_pattern_that_is_none_is_a_wrong_command_line(self):
        code, _, err = cases.answer(VEDETTE, ["test", "rules", "--run", "n(", "t.yml"], {"t.yml": "tests: []\n"})
        self.assertEqual((code, err), (2, "--run: n( is no regular expression: missing ): n(\n"))


if __name__ == "__main__":
    sys.exit(unittest.main())
