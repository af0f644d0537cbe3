#!/usr/bin/python3
"""Records what promtool answers to the cases, or compares vedette with it live.

    tests/rules/promtool/record.py PATH/TO/promtool
    tests/rules/promtool/record.py PATH/TO/promtool --compare PATH/TO/vedette

The answers go to recorded.json beside it: the version, then for each case [exit status, stdout, stderr].
"""
import json
import pathlib
import subprocess
import sys

import cases


def main():
    promtool = pathlib.Path(sys.argv[1]).resolve()
    version = subprocess.run([promtool, "--version"], capture_output=True, text=True).stdout.split()[2].split("+")[0].rstrip(",")
    if len(sys.argv) > 3:
        found = list(cases.differences(pathlib.Path(sys.argv[3]).resolve(), lambda _, __, words, files: cases.answer(promtool, words, files)))
        for title, text in found:
            print(title, text, sep="\n", end="\n\n")
        print(f"promtool {version}: {sum(1 for _ in cases.read())} cases, {len(found)} differ")
        sys.exit(1 if found else 0)
    answers = {f"{file}: {title}": cases.answer(promtool, words, files) for file, title, words, files in cases.read()}
    text = json.dumps({"promtool": version, "answers": answers}, indent=1, ensure_ascii=False)
    (pathlib.Path(__file__).parent / "recorded.json").write_text(text + "\n")


main()
