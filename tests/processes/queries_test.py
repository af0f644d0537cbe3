#!/usr/bin/python3
"""Queries over HTTP against a running vedette, as clients behave: they go away in the middle."""
import os
import socket
import unittest
import urllib.parse

from support import ProcessTest, wait_for

# Ten thousand windows of nearly thirty thousand samples, sorted each: minutes.
LONG = urllib.parse.urlencode({"query": "quantile_over_time(0.5, (vector(time()))[10d:30s])",
                               "start": 0, "end": 660000, "step": 60})


class Queries(ProcessTest):
    def cpu_seconds(self):
        with open(f"/proc/{self.vedette.pid}/stat", encoding="ascii") as stat:
            words = stat.read().rsplit(") ", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def test_a_query_stops_when_its_caller_goes_away(self):
        self.vedette = self.start_vedette("server: {anonymous: viewer}\n")
        before = self.cpu_seconds()
        with socket.create_connection(("127.0.0.1", self.vedette.port)) as caller:
            caller.sendall(f"GET /api/v1/query_range?{LONG} HTTP/1.1\r\nHost: 127.0.0.1:{self.vedette.port}\r\n\r\n".encode())
            wait_for("work on the query", lambda: self.cpu_seconds() - before > 0.3, 60)
        last = [self.cpu_seconds()]

        def rests():
            last.append(self.cpu_seconds())
            return len(last) > 10 and last[-1] - last[-10] < 0.05

        wait_for("the end of the work", rests, 30)


if __name__ == "__main__":
    unittest.main()
