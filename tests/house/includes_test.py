#!/usr/bin/python3
"""Reads every include and holds the house to its levels; names the file that breaks it."""
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEVELS = {"core": 0, "base": 1, "store": 2, "records": 2, "probes": 2, "promql": 2, "notify": 2,
          "rules": 3, "insight": 3, "exporter": 4, "app": 5}
FOLDERS = set(LEVELS) | {"dashboards", "examples", "tests", "docs", "cmake", "scripts"}
FILES = {"CMakeLists.txt", "CMakePresets.json", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "run", "check"}
# A heavy library is wrapped once: its header may be included in these places only.
WRAPPED = {"httplib.h": ("exporter/http/",), "sqlite3.h": ("base/",), "curl/curl.h": ("base/",), "yaml-cpp/yaml.h": ("base/",),
           "CLI/CLI.hpp": ("app/command_line.cpp",), "ares.h": ("base/",), "systemd/sd-daemon.h": ("app/",)}


def tracked():
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                         capture_output=True, text=True).stdout
    return [line for line in out.splitlines() if (ROOT / line).is_file()]


def breaks(path, include):
    """Why `path` may not include `include`; empty when it may."""
    room, other = path.split("/")[0], include.split("/")[0]
    if include in WRAPPED and not path.startswith(WRAPPED[include]) and room != "tests":
        return f"only {', '.join(WRAPPED[include])} may include {include}"
    if room not in LEVELS or other not in LEVELS or room == other:
        return ""
    if LEVELS[other] < LEVELS[room]:
        return ""
    word = "sideways" if LEVELS[other] == LEVELS[room] else "up"
    return f"{room} (level {LEVELS[room]}) includes {include} of level {LEVELS[other]}: {word}"


class Includes(unittest.TestCase):
    def test_every_include_goes_down(self):
        found = []
        sources = [path for path in tracked() if path.endswith((".h", ".cpp"))]
        self.assertGreater(len(sources), 50)
        for path in sources:
            for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
                match = re.match(r'#include [<"]([^">]+)[">]', line)
                why = breaks(path, match[1]) if match else ""
                if why:
                    found.append(f"{path}:{number}: {why}")
        self.assertEqual(found, [])

    def test_an_include_that_goes_up_or_sideways_is_named(self):
        self.assertEqual(breaks("store/head/head.cpp", "promql/syntax/parse.h"), "store (level 2) includes promql/syntax/parse.h of level 2: sideways")
        self.assertEqual(breaks("base/loop.cpp", "app/commands/commands.h"), "base (level 1) includes app/commands/commands.h of level 5: up")
        self.assertEqual(breaks("app/commands/run.cpp", "httplib.h"), "only exporter/http/ may include httplib.h")
        self.assertEqual(breaks("rules/group.cpp", "promql/syntax/parse.h"), "")

    def test_the_top_level_is_as_decided(self):
        top = {path.split("/")[0] for path in tracked() if not path.startswith(".")}
        self.assertEqual(sorted(top - FOLDERS - FILES), [], "see docs/decisions/0001-folders.md")

    def test_every_room_says_what_it_is_for(self):
        rooms = {path.split("/")[0] for path in tracked() if path.endswith(".cpp")} & set(LEVELS)
        self.assertEqual(sorted(room for room in rooms if not (ROOT / room / "README.md").is_file()), [])

    def test_headers_are_guarded_and_no_file_is_a_util(self):
        for path in tracked():
            if path.endswith(".h"):
                self.assertIn("#pragma once", (ROOT / path).read_text(), path)
            self.assertNotRegex(path, r"(^|/)utils?(\.|/|_)", f"{path}: there is no util")


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
