#!/usr/bin/python3
"""Vedette and a real Prometheus are given the same exemplars, by page and by remote write, and answer the same about them.

Runs Debian's Prometheus from build/peers/bin, or the one in the folder VEDETTE_PEERS.
"""
import http.server
import json
import threading
import time
import unittest
import urllib.parse

import remote_write
from support import PEERS, ProcessTest, fetch, free_port, wait_for

NOW = int(time.time())
PAGES = [
    f"""# TYPE took histogram
took_bucket{{le="0.1"}} 1 # {{trace_id="a"}} 0.05 {NOW - 5}.25
took_bucket{{le="1.0"}} 3 # {{trace_id="b",span="x é"}} 0.5
took_bucket{{le="+Inf"}} 3 # {{}} 2 {NOW - 4}
took_count 3
took_sum 1.25
# TYPE hits counter
hits_total{{path="/"}} 1 # {{trace_id="{'long' * 40}"}} 1 {NOW - 3}
# EOF
""",
    f"""# TYPE took histogram
took_bucket{{le="0.1"}} 2 # {{trace_id="c"}} 0.06 {NOW - 2}.5
took_bucket{{le="1.0"}} 4 # {{trace_id="d"}} 0.75 {NOW - 1}
took_bucket{{le="+Inf"}} 4 # {{trace_id="late"}} 2 {NOW - 9}
took_count 4
took_sum 1.25
# EOF
""",
]

QUERIES = [
    [("query", "took_bucket")],
    [("query", "sum(rate(took_bucket{le=~\"0.1|1.0\"}[5m])) by (le) / ignoring(le) group_left() hits_total")],
    [("query", "took_bucket"), ("start", str(NOW - 4)), ("end", str(NOW - 2))],
    [("query", "took_bucket"), ("start", f"{NOW - 5}.25"), ("end", f"{NOW - 5}.25")],
    [("query", "sent"), ("start", "2020-01-01T00:00:00Z")],
    [("query", "nothing_here")],
    [("query", "1 + 1")],
    [("query", "took_bucket"), ("start", str(NOW)), ("end", str(NOW - 60))],
]
BAD_QUERIES = [[("query", "took_bucket"), ("start", "soon")], [("query", "took_bucket"), ("end", "late")], [("query", "sum(")], [("query", "")], []]


class Pages(http.server.BaseHTTPRequestHandler):
    step = 0

    def log_message(self, *_):
        pass

    def do_GET(self):
        body = PAGES[Pages.step].encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def scrape_times_left_out(answer):
    """Of exemplars without a time, when they were read is each program's own."""
    for series in answer.get("data") or []:
        for exemplar in series["exemplars"]:
            if exemplar["labels"].get("span"):
                exemplar["timestamp"] = "of the scrape"
    return answer


class Exemplars(ProcessTest):
    def setUp(self):
        super().setUp()
        Pages.step = 0
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.config = f"""
global: {{scrape_interval: 500ms}}
storage: {{exemplars: {{max_exemplars: %d}}}}
scrape_configs:
  - {{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{server.server_port}']}}]}}
"""

    def start_both(self, most):
        config = self.config % most
        port = free_port()
        path = self.write("prometheus.yml", config)
        self.prometheus = self.start(
            [PEERS / "prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.folder}/prometheus",
             f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
             "--enable-feature=exemplar-storage"], "prometheus")
        self.prometheus.url = f"http://127.0.0.1:{port}"
        self.start_ours(config)
        self.wait_ready(self.prometheus, seconds=40)

    def start_ours(self, config):
        self.vedette = self.start_vedette(config + "server: {tokens: [{name: w, token: write-here, role: editor}], anonymous: viewer}\n",
                                          words=["--enable-feature=exemplar-storage"])

    def ask(self, program, query, post=False):
        words = urllib.parse.urlencode(query)
        url = program.url + "/api/v1/query_exemplars"
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if post else {}
        status, _, body = fetch(url if post else f"{url}?{words}", data=words.encode() if post else None, headers=headers)
        return status, scrape_times_left_out(json.loads(body or "{}"))

    def write_to_both(self, exemplars):
        body = remote_write.body([remote_write.series({"__name__": "sent", "job": "w"}, [(NOW * 1000 + len(exemplars), 1)], exemplars)])
        for program in (self.vedette, self.prometheus):
            headers = {**remote_write.HEADERS, "Authorization": "Bearer write-here"}
            status, _, answer = fetch(program.url + "/api/v1/write", data=body, headers=headers)
            self.assertEqual(status, 204, answer)

    def assert_same(self, queries, what):
        def same():
            return all(self.ask(self.vedette, query) == self.ask(self.prometheus, query) for query in queries)
        try:
            wait_for(what, same, 15)
        except AssertionError:
            self.maxDiff = None
            for query in queries:
                self.assertEqual(self.ask(self.vedette, query), self.ask(self.prometheus, query), (what, query))

    def test_both_answer_the_same_about_exemplars(self):
        self.start_both(1000)
        wait_for("the first page", lambda: len(self.ask(self.vedette, QUERIES[0])[1]["data"]) == 3)
        self.assert_same(QUERIES, "the first page")
        Pages.step = 1
        wait_for("the second page", lambda: len(self.ask(self.vedette, QUERIES[0])[1]["data"][1]["exemplars"]) == 2)
        self.write_to_both([({"trace_id": "1"}, NOW * 1000 - 5, 1.5), ({"trace_id": "2"}, NOW * 1000 - 4, 2.5),
                            ({"trace_id": "2"}, NOW * 1000 - 4, 2.5), ({"trace_id": "0"}, NOW * 1000 - 50, 1)])
        self.assert_same(QUERIES, "the second page, and what was written")
        seen = self.ask(self.vedette, [("query", "sent")])[1]["data"][0]["exemplars"]
        self.assertEqual([each["labels"]["trace_id"] for each in seen], ["1", "2"])
        for query in QUERIES:
            self.assertEqual(self.ask(self.vedette, query), self.ask(self.vedette, query, post=True), query)
        for query in BAD_QUERIES:  # in the words of 3.5, which are not those of 2.42
            ours, theirs = self.ask(self.vedette, query), self.ask(self.prometheus, query)
            self.assertEqual((ours[0], ours[1]["errorType"]), (theirs[0], theirs[1]["errorType"]), query)
        self.vedette.kill()
        self.start_ours(self.config % 1000)
        self.assert_same(QUERIES, "a kill -9 and a start")

    def test_the_newest_stay_and_none_are_kept_without_the_feature(self):
        self.start_both(2)
        wait_for("the first page", lambda: self.ask(self.vedette, QUERIES[0])[1]["data"])
        self.write_to_both([({"trace_id": str(n)}, NOW * 1000 + n, n) for n in range(5)])
        self.assert_same([[("query", '{job=~"w|shop"}')]], "the newest two")
        self.vedette.stop()
        self.vedette = self.start_vedette(self.config % 1000)
        time.sleep(1)
        self.assertEqual(self.ask(self.vedette, QUERIES[0]), (200, {"status": "success", "data": []}))


if __name__ == "__main__":
    unittest.main(verbosity=2)
