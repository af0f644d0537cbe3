#!/usr/bin/python3
"""Records how Alertmanager expands the templates of recorded/templates.txt.

    tests/notify/record_templates.py PATH/TO/amtool

amtool renders every line with the message of recorded/templates_data.json. The answers go to templates.expected beside
it, one JSON array of [template, result, whether it failed] per line, under a line that names the version.
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded")


def main():
    amtool = sys.argv[1]
    version = subprocess.run([amtool, "--version"], capture_output=True, text=True).stdout.split()[2].split("+")[0]
    with tempfile.TemporaryDirectory() as folder, open(HERE + "/templates.expected", "w") as out:
        with open(folder + "/none.tmpl", "w") as none:
            none.write('{{ define "unused" }}{{ end }}')
        out.write("amtool %s\n" % version)
        for line in open(HERE + "/templates.txt"):
            text = line.rstrip("\n")
            done = subprocess.run([amtool, "template", "render", "--template.glob=" + folder + "/none.tmpl",
                                   "--template.data=" + HERE + "/templates_data.json", "--template.text=" + text],
                                  capture_output=True, text=True)
            failed = done.returncode != 0
            answer = done.stderr.split("error: ", 1)[-1].rstrip("\n") if failed else done.stdout
            out.write(json.dumps([text, answer, failed]) + "\n")


main()
