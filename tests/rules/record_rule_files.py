#!/usr/bin/python3
"""Records which rule files promtool accepts.

    tests/rules/record_rule_files.py PATH/TO/promtool

recorded/rule_files.txt holds files, each under a line `=== what it shows`. The verdicts go to
rule_files.expected beside it: a line that names the version, then `good`, or `bad` and promtool's words.
"""
import os, re, subprocess, sys, tempfile

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded")


def main():
    promtool = sys.argv[1]
    version = subprocess.run([promtool, "--version"], capture_output=True, text=True).stdout.split()[2]
    parts = re.split(r"^=== (.*)\n", open(HERE + "/rule_files.txt").read(), flags=re.M)[1:]
    with open(HERE + "/rule_files.expected", "w") as out, tempfile.TemporaryDirectory() as folder:
        out.write("promtool %s\n" % version.split("+")[0])
        for what, text in zip(parts[::2], parts[1::2]):
            open(folder + "/r.yml", "w").write(text)
            done = subprocess.run([promtool, "check", "rules", "--lint=none", "r.yml"], cwd=folder,
                                  capture_output=True, text=True)
            if done.returncode == 0:
                out.write("good\t%s\n" % what)
            else:
                words = " ".join((done.stdout + done.stderr).split()).replace("Checking r.yml ", "")
                out.write("bad\t%s\t%s\n" % (what, words))


main()
