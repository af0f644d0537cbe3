#!/usr/bin/python3
"""What each key of a scrape config does to one page: Vedette says and keeps what Prometheus 3.5.3 said and kept.

    tests/processes/scrape_keys_test.py --record BIN > tests/probes_scrape/recorded/scrape_keys.json

asks the Prometheus in the folder BIN, which must be 3.5.3; without it, what was recorded is compared with ours: series and
values, health and last error of every target, how many were dropped, and the log of failures.
"""
import base64
import http.server
import json
import pathlib
import sys
import tempfile
import threading
import unittest
import urllib.parse

from support import ROOT, ProcessTest, Program, free_port, get_json, run, wait_for

VERSION = "3.5.3"
RECORDED = ROOT / "tests" / "probes_scrape" / "recorded" / "scrape_keys.json"
TEXT, OPEN = "text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0; charset=utf-8"

PAGE = """# TYPE took histogram
took_bucket{le="0.5"} 1
took_bucket{le="+Inf"} 3
took_count 3
took_sum 1.5
depth 4
a_metric_with_a_very_long_name_that_goes_on_and_on_past_fifty_bytes 1
short{one="1",two="2",three="3"} 3
long_name{a_label_with_a_long_name="x"} 1
long_value{v="a value that is longer than most"} 1
"""
ODD = """{"name with.dots",label="a"} 1
plain{"odd label"="b"} 2
"""
PAGES = {
    "/page": (TEXT, PAGE),
    "/odd": ("text/plain; version=1.0.0; escaping=allow-utf-8", ODD),
    "/untyped": ("", "fine 1\n"),
    "/strange": ("application/strange", "fine 1\n"),
    "/open-as-text": (TEXT, "# TYPE a counter\na_total 1\n# EOF\n"),
    "/timed": (TEXT, "timed 1 1000000000000\nuntimed 2\n"),
    "/twice": (TEXT, "same 1\nsame 2\nother 3\n"),
    "/labels": (TEXT, 'own{job="theirs",instance="x",exported_job="y"} 1\n'),
    "/broken": (TEXT, "fine 1\nbad oops\n"),
}
# name: (path, keys)
JOBS = {
    "plain": ("/page", ""),
    "sample_limit_kept": ("/page", "sample_limit: 9"),
    "sample_limit_passed": ("/page", "sample_limit: 8"),
    "sample_limit_after_relabelling": ("/page", "sample_limit: 1, metric_relabel_configs: [{source_labels: [__name__], regex: depth, action: keep}]"),
    "label_limit_kept": ("/page", "label_limit: 6"),
    "label_limit_passed": ("/page", "label_limit: 5"),
    "label_name_kept": ("/page", "label_name_length_limit: 24"),
    "label_name_passed": ("/page", "label_name_length_limit: 23"),
    "label_value_passed": ("/page", "label_value_length_limit: 31"),
    "body_kept": ("/page", f"body_size_limit: {len(PAGE) + 1}B"),
    "body_passed": ("/page", f"body_size_limit: {len(PAGE)}B"),
    "targets_passed": ("/page", "target_limit: 1, extra"),
    "targets_kept": ("/page", "target_limit: 2, extra"),
    "dropped": ("/page", "keep_dropped_targets: 1, relabel_configs: [{action: drop, source_labels: [__address__]}], extra"),
    "utf8": ("/odd", ""),
    "legacy": ("/odd", "metric_name_validation_scheme: legacy, metric_name_escaping_scheme: underscores"),
    "escaping_dots": ("/accept", "metric_name_escaping_scheme: dots"),
    "escaping_values": ("/accept", "metric_name_escaping_scheme: values"),
    "escaping_underscores": ("/accept", "metric_name_escaping_scheme: underscores"),
    "protocols": ("/accept", "scrape_protocols: [PrometheusText1.0.0, OpenMetricsText0.0.1, PrometheusProto]"),
    "accept": ("/accept", ""),
    "untyped": ("/untyped", ""),
    "untyped_fallback": ("/untyped", "fallback_scrape_protocol: PrometheusText0.0.4"),
    "strange": ("/strange", ""),
    "strange_fallback": ("/strange", "fallback_scrape_protocol: OpenMetricsText1.0.0"),
    "classic_always": ("/page", "always_scrape_classic_histograms: true"),
    "honor_timestamps": ("/timed", "honor_timestamps: false"),
    "twice": ("/twice", ""),
    "labels": ("/labels", ""),
    "honor_labels": ("/labels", "honor_labels: true"),
    "no_compression": ("/encoding", "enable_compression: false"),
    "compression": ("/encoding", ""),
    "status": ("/status/503", ""),
    "redirect": ("/redirect", ""),
    "no_redirect": ("/redirect", "follow_redirects: false"),
    "header": ("/header", "http_headers: {X-One: {values: [a, b], secrets: [c], files: [header.txt]}}"),
    "bearer": ("/header", "authorization: {credentials: token}"),
    "bearer_file": ("/header", "authorization: {type: Token, credentials_file: header.txt}"),
    "basic": ("/header", "basic_auth: {username: me, password_file: header.txt}"),
    "basic_file": ("/header", "basic_auth: {username_file: header.txt, password: word}"),
    "oauth2": ("/header", "oauth2: {client_id: 'a b', client_secret: 's:c', scopes: [x, y], token_url: 'http://PAGES/token', endpoint_params: {audience: 'a b', z: q}}"),
    "oauth2_form": ("/header", "oauth2: {client_id: form, client_secret: 's:c', token_url: 'http://PAGES/token-form'}"),
    "oauth2_refused": ("/header", "oauth2: {client_id: a, client_secret: b, token_url: 'http://PAGES/token-refused'}"),
    "proxy": ("/header", "proxy_url: 'http://u:p@PAGES', host"),
    "no_proxy": ("/header", "proxy_url: 'http://127.0.0.1:1', no_proxy: 'localhost'"),
    "own_failure_log": ("/status/404", "scrape_failure_log_file: own.log"),
    "broken": ("/broken", ""),
}
# Their words are of Go; ours say the same.
OWN_WORDS = {"broken", "legacy", "strange_fallback", "oauth2_refused"}


def text_value(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


class Pages(http.server.BaseHTTPRequestHandler):
    tokens_asked = 0

    def log_message(self, *_):
        pass

    def answer(self, status, kind, body, **headers):
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body.encode())
        except OSError:  # whoever asked has enough
            pass

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        basic = self.headers.get("Authorization", "")
        Pages.tokens_asked += 1
        wrong = self.path == "/token-refused" or (self.path == "/token-form" and basic)
        if wrong:
            return self.answer(401, "application/json", json.dumps({"error": "invalid_client"}))
        fields = sorted(urllib.parse.parse_qsl(form))
        seen = json.dumps([base64.b64decode(basic.removeprefix("Basic ")).decode(), fields])
        token = base64.urlsafe_b64encode(seen.encode()).decode()
        self.answer(200, "application/json", json.dumps({"access_token": token, "token_type": "bearer", "expires_in": 3600}))

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if path == "/accept":
            return self.answer(200, TEXT, "accepts{what=%s} 1\n" % text_value(self.headers["Accept"]))
        if path == "/encoding":
            return self.answer(200, TEXT, "encoding{what=%s} 1\n" % text_value(self.headers.get("Accept-Encoding", "none")))
        if path == "/header":
            # Once each: Prometheus sends one more of each own header with every scrape.
            told = {name: sorted(set(self.headers.get_all(name))) for name in ("X-One", "Authorization", "Proxy-Authorization") if name in self.headers}
            told["timeout"] = self.headers.get("X-Prometheus-Scrape-Timeout-Seconds")
            told["through"] = urllib.parse.urlsplit(self.path).hostname
            return self.answer(200, TEXT, "".join("header{name=%s,value=%s} 1\n" % (text_value(name), text_value(str(value)))
                                                  for name, value in told.items()))
        if path == "/redirect":
            return self.answer(302, "", "", Location="/labels")
        if path.startswith("/status/"):
            return self.answer(int(path.rpartition("/")[2]), TEXT, "")
        kind, body = PAGES[path]
        self.answer(200, kind, body)


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def config_of(port):
    lines = []
    for name, (path, keys) in JOBS.items():
        targets = [f"127.0.0.1:{port}"]
        if keys.endswith("extra"):
            targets.append(f"localhost:{port}")
        if keys.endswith("host"):  # loopback is asked for without a proxy, so another
            targets = ["shop.test:80"]
        keys = keys.replace("PAGES", f"127.0.0.1:{port}").removesuffix(", extra").removesuffix(", host")
        labels = "" if len(targets) > 1 else ", labels: {instance: i}"
        lines.append(f"  - {{job_name: {name}, metrics_path: {path}, {keys + ', ' if keys else ''}static_configs: [{{targets: {targets}{labels}}}]}}")
    return "global: {scrape_interval: 2s, scrape_failure_log_file: failures.log}\nscrape_configs:\n" + "\n".join(lines) + "\n"


def seen(program, folder, port):
    """What a program has of the pages, without what depends on when it looked and on which port."""
    def portless(value):
        return json.loads(json.dumps(value).replace(f":{port}", ":PORT"))
    out = {"series": {}, "targets": {}, "dropped": {}}
    names = '{__name__!~"scrape_duration_seconds|scrape_series_added",job!=""}'
    for row in get_json(program.url + "/api/v1/query", query=names)["data"]["result"]:
        out["series"][json.dumps(portless(row["metric"]), sort_keys=True, ensure_ascii=False)] = row["value"][1]
    data = get_json(program.url + "/api/v1/targets")["data"]
    for target in portless(data["activeTargets"]):
        pool = target["scrapePool"]
        error = "own words" if pool in OWN_WORDS and target["lastError"] else target["lastError"]
        out["targets"][pool + " " + target["labels"]["instance"]] = [target["scrapeUrl"], target["health"], error]
    out["dropped"] = {pool: count for pool, count in data["droppedTargetCounts"].items() if count}
    out["dropped"]["shown"] = len(data["droppedTargets"])
    out["failures"] = {}
    for name in ("failures.log", "own.log"):
        lines = [json.loads(line) for line in (folder / name).read_text().splitlines()]
        found = {(each["level"], each["msg"], each["job_name"], each["target"], " ".join(sorted(each))) for each in lines}
        out["failures"][name] = sorted(portless([[*each] for each in found if each[2] not in OWN_WORDS and "Get " not in each[1]]))
    return out


def whole(program):
    """Every target was looked at three times."""
    rows = get_json(program.url + "/api/v1/query", query="count_over_time(up[5m]) > 2")["data"]["result"]
    return len(rows) == len(JOBS) + 1


def record(folder):
    binary = pathlib.Path(folder) / "prometheus"
    if VERSION not in run([binary, "--version"])[1]:
        sys.exit(f"{binary} is not Prometheus {VERSION}")
    server = serve()
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        port = free_port()
        (place / "prometheus.yml").write_text(config_of(server.server_port))
        (place / "header.txt").write_text("of a file\n")
        program = Program([binary, "--config.file=prometheus.yml", f"--storage.tsdb.path={place}/data",
                           f"--web.listen-address=127.0.0.1:{port}"], place, "prometheus")
        program.url = f"http://127.0.0.1:{port}"
        try:
            wait_for("three looks at each", lambda: whole(program), 60)
            answers = {"version": VERSION, **seen(program, place, server.server_port), "tokens": Pages.tokens_asked}
        except AssertionError:
            sys.exit(program.output())
        finally:
            program.stop()
    print(json.dumps(answers, indent=1, sort_keys=True, ensure_ascii=False))


class ScrapeKeys(ProcessTest):
    maxDiff = None

    def test_every_key_does_to_a_page_what_it_does_in_prometheus(self):
        recorded = json.loads(RECORDED.read_text())
        server = serve()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        Pages.tokens_asked = 0
        self.write("header.txt", "of a file\n")
        program = self.start_vedette(config_of(server.server_port))
        wait_for("three looks at each", lambda: whole(program), 60)

        def answers():
            return seen(program, self.folder, server.server_port)
        try:  # a busy machine may miss a look
            wait_for("the recorded answers", lambda: all(recorded[part] == answer for part, answer in answers().items()), 20)
        except AssertionError:
            for part, answer in answers().items():
                with self.subTest(part):
                    self.assertEqual(answer, recorded[part])
        # One token a job; the one that is refused is asked for anew with each scrape.
        self.assertLess(Pages.tokens_asked, 200)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--record"]:
        record(sys.argv[2])
    else:
        unittest.main(verbosity=2)
