"""What tests of real processes share: free ports, programs that are always ended, answers waited for."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("VEDETTE_BUILD", ROOT / "build" / "release")).resolve()  # programs run in other folders
PEERS = pathlib.Path(os.environ.get("VEDETTE_PEERS", ROOT / "build" / "peers" / "bin")).resolve()
VEDETTE = BUILD / "vedette"
SIMULATOR = BUILD / "simulator"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds=20.0):
    """Asks until `condition` gives something true and returns it; fails with `what` otherwise."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            last = condition()
            if last:
                return last
        except (OSError, urllib.error.URLError, json.JSONDecodeError, KeyError, IndexError) as error:
            last = error
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} s; last seen: {last!r}")


def fetch(url, data=None, headers=None, method=None, timeout=10):
    """Status, headers and body of one request; an HTTP error is an answer, not an exception."""
    request = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def get_json(url, **parameters):
    query = "?" + urllib.parse.urlencode(parameters, doseq=True) if parameters else ""
    status, _, body = fetch(url + query)
    answer = json.loads(body)
    if status != 200:
        raise AssertionError(f"{url}{query}: {status} {answer}")
    return answer


class Program:
    """A child process with its output in a file; ended by its own pid, whatever happens."""

    def __init__(self, words, folder, name, env=None):
        self.log_path = pathlib.Path(folder) / f"{name}.log"
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen([str(word) for word in words], stdout=self.log, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, env=env, cwd=folder)

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        return self.log_path.read_text(errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=15):
        """Asks it to end and returns its exit status; kills it when it does not listen."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.log_path.name} did not end within {seconds} s:\n{self.output()[-2000:]}")
        self.log.close()
        return self.process.returncode


class ProcessTest(unittest.TestCase):
    """A test with a folder of its own, whose programs end with it."""

    def setUp(self):
        self._stack = contextlib.ExitStack()
        self.addCleanup(self._stack.close)
        self.folder = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="vedette-")))

    def start(self, words, name, env=None):
        program = Program(words, self.folder, name, env)
        self._stack.callback(program.log.close)
        self._stack.callback(lambda: program.process.poll() is None and program.kill())
        return program

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def start_vedette(self, config, name="vedette", data="data", port=None, words=(), env=None):
        """Starts `vedette run` with this configuration text and waits until it is ready."""
        port = port or free_port()
        path = self.write(f"{name}.yml", config)
        program = self.start([VEDETTE, "run", "--config", path, "--data", self.folder / data,
                              "--listen", f"127.0.0.1:{port}", *words], name, env)
        program.url = f"http://127.0.0.1:{port}"
        program.port = port
        self.wait_ready(program)
        return program

    def wait_ready(self, program, path="/-/ready", seconds=20):
        def ready():
            if program.process.poll() is not None:
                raise AssertionError(f"ended with {program.process.returncode}:\n{program.output()[-3000:]}")
            return fetch(program.url + path, timeout=2)[0] == 200
        wait_for(f"{program.url}{path}", ready, seconds)

    def instant(self, program, expression):
        """The vector of an instant query: {series as text: value}."""
        result = get_json(program.url + "/api/v1/query", query=expression)["data"]["result"]
        return {json.dumps(row["metric"], sort_keys=True): float(row["value"][1]) for row in result}


def run(words, timeout=60, **kwargs):
    """Runs a program to its end: (exit status, stdout, stderr)."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, **kwargs)
    return done.returncode, done.stdout, done.stderr


def end_with(signal_number, program):
    program.signal(signal_number)
    program.process.wait(20)
    return program.process.returncode


SIGHUP, SIGTERM = signal.SIGHUP, signal.SIGTERM
