#!/usr/bin/python3
"""docs/licences.md lists every library that the build links and every package of the pages, and no other."""
import json
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/licences.md").read_text()
# Of the build's packages, those that are tools or data and leave nothing in the program.
TOOLS = {"ca-certificates", "g++", "cmake", "ninja-build", "pkg-config", "tzdata"}


class Licences(unittest.TestCase):
    def test_every_library_of_the_build_has_its_line(self):
        packages = [line for line in (ROOT / "scripts/packages/build").read_text().split("\n") if line and not line.startswith("#")]
        missing = [package for package in packages if package not in TOOLS and f"| {package} |" not in PAGE]
        self.assertEqual(missing, [])

    def test_no_line_is_about_a_library_that_is_not_there(self):
        packages = set((ROOT / "scripts/packages/build").read_text().split())
        listed = re.findall(r"^\| [^|]+ \| ([a-z0-9+.-]+) \|", PAGE, re.M)
        self.assertGreater(len(listed), 10)
        self.assertEqual([package for package in listed if package not in packages and package != "npm"], [])

    def test_every_package_of_the_pages_is_named(self):
        manifest = json.loads((ROOT / "dashboards/ui/package.json").read_text())
        names = list(manifest["dependencies"]) + list(manifest["devDependencies"])
        self.assertEqual([name for name in names if name.lower() not in PAGE.lower()], [])


if __name__ == "__main__":
    sys.exit(unittest.main())
