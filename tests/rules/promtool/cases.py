"""The cases of promtool that vedette is held to: files, a command line, and what the program answered.

cases/*.txt hold cases, each under a line `=== what it shows`: `$ words`, and files under `--- name` (`--- name json`
holds the file as a JSON string, for texts that do not end in a newline). A title that begins with `verdict:` means
that only the exit status and standard output are compared: vedette names the place of a mistake in its own way.
"""
import json
import pathlib
import re
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent


def read():
    """Yields (file, title, words, files)."""
    for path in sorted((HERE / "cases").glob("*.txt")):
        parts = re.split(r"^=== (.*)\n", path.read_text(), flags=re.M)[1:]
        for title, body in zip(parts[::2], parts[1::2]):
            head, *rest = re.split(r"^--- (.*)\n", body, flags=re.M)
            files = {}
            for name, text in zip(rest[::2], rest[1::2]):
                name, _, kind = name.partition(" ")
                files[name] = json.loads(text) if kind == "json" else text
            yield path.stem, title, head.strip().removeprefix("$ ").split(), files


def answer(program, words, files):
    """What the program says to it: exit status, standard output, standard error."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (pathlib.Path(folder) / name).write_text(text)
        given = ""
        if "<" in words:
            given = files[words[-1]]
            words = words[:-2]
        done = subprocess.run([program, *words], cwd=folder, input=given, capture_output=True, text=True, timeout=60)
        steady = re.sub(r"took \S+", "took a while", done.stdout)
        return [done.returncode, steady, done.stderr]


def differences(program, expected):
    """Yields (title, what is different) of what `program` answers; `expected(file, title, words, files)` says what it should."""
    for file, title, words, files in read():
        ours, theirs = answer(program, words, files), expected(file, title, words, files)
        if title.startswith("verdict:"):
            ours, theirs = ours[:2], theirs[:2]
        if ours != theirs:
            yield f"{file}: {title}", f"expected {json.dumps(theirs)}\ngot      {json.dumps(ours)}"
