#!/usr/bin/python3
"""Records how Prometheus 3.5.3 answers good and bad requests to its query API.

    tests/exporter/record_query_api.py BIN > tests/exporter/recorded/query_api.json

BIN is a folder with that Prometheus; any other version is refused. Data goes in by remote write, on a free
loopback port; the server lives in a temporary folder and is ended before this returns. How long a query took is
recorded as 0.
"""
import json
import pathlib
import re
import sys
import tempfile
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "processes"))
import remote_write
from support import Program, fetch, free_port, run, wait_for

VERSION = "3.5.3"
START = 1_700_000_000

DATA = [
    [{"__name__": "up", "job": "api", "instance": "a:1"}, [[START * 1000 + i * 15000, 1] for i in range(41)]],
    [{"__name__": "up", "job": "api", "instance": "b:1"}, [[START * 1000 + i * 15000, i % 2] for i in range(41)]],
    [{"__name__": "up", "job": "db", "instance": "c:1"}, [[START * 1000 + i * 15000, 1] for i in range(41)]],
    [{"__name__": "hits_total", "job": "api", "path": "/ \"quoted\" \\ é"}, [[START * 1000 + i * 15000, i * 2.5] for i in range(41)]],
    [{"__name__": "http.status", "job": "web", "the.code": "200"}, [[START * 1000 + i * 15000, 200] for i in range(41)]],
]

AT = str(START + 300)
FROM, TO = str(START + 60), str(START + 240)

# What a query read and held: asked at one time, and over a range.
COUNTED = [
    "1", "nothing_here", "up", "-up", "up + 1", "time() + 1", "sum(up)", "sum by(job) (up) / count by(job) (up)", "up * on(instance) up", "up and up{job=\"db\"}",
    "count_values(\"v\", up)", "topk(1, up)", "quantile(0.5, up)", "timestamp(up)", "timestamp(up @ 1700000100)", "timestamp(up + 0)", "abs(up)", "absent(up)",
    "label_replace(up, \"a\", \"$1\", \"job\", \"(.*)\")", "up @ 1700000100", "sum(up @ 1700000100) + up", "rate(hits_total[1m])", "rate(up[2m] @ 1700000100)",
    "quantile_over_time(0.5, up[1m])", "absent_over_time(up[1m])", "sum(rate(up[2m])) + 1", "sum_over_time(up[2m:20s])", "max_over_time(rate(hits_total[1m])[2m:20s])",
    "predict_linear(up[2m:20s], 60)", "sum_over_time(sum_over_time(up[1m:20s])[2m:20s])", "sum_over_time(up[2m:20s] @ 1700000100)", "scalar(sum(up)) + vector(1)",
    "clamp(up, 0, 1)", "up or hits_total", "day_of_week()", "up > bool 0", "histogram_quantile(0.5, up)", "round(up, 0.5)", "sort(up)",
]

# Each row: what it shows, method, path, parameters.
REQUESTS = [
    ("a vector", "GET", "query", [("query", "up"), ("time", AT)]),
    ("a vector by POST", "POST", "query", [("query", "up"), ("time", AT)]),
    ("a scalar", "GET", "query", [("query", "1+1"), ("time", AT)]),
    ("a scalar that is not a number", "GET", "query", [("query", "NaN"), ("time", AT)]),
    ("an infinite scalar", "GET", "query", [("query", "-Inf"), ("time", AT)]),
    ("a string", "GET", "query", [("query", "\"a\\\"b<é>&\""), ("time", AT)]),
    ("a matrix", "GET", "query", [("query", "up{job=\"db\"}[1m]"), ("time", AT)]),
    ("nothing found", "GET", "query", [("query", "nothing_here"), ("time", AT)]),
    ("an empty matrix", "GET", "query", [("query", "nothing_here[5m]"), ("time", AT)]),
    ("time with a fraction", "GET", "query", [("query", "time()"), ("time", f"{START}.1239")]),
    ("time with a half of a millisecond", "GET", "query", [("query", "time()"), ("time", f"{START}.1235")]),
    ("time before 1970", "GET", "query", [("query", "time()"), ("time", "-1.5")]),
    ("time as RFC 3339", "GET", "query", [("query", "time()"), ("time", "2023-11-14T22:18:20Z")]),
    ("time as RFC 3339 with a zone", "GET", "query", [("query", "time()"), ("time", "2023-11-15T00:18:20.25+02:00")]),
    ("time as RFC 3339 in small letters", "GET", "query", [("query", "time()"), ("time", "2023-11-14t22:18:20z")]),
    ("time in scientific notation", "GET", "query", [("query", "time()"), ("time", "1.7e9")]),
    ("time in hexadecimal", "GET", "query", [("query", "time()"), ("time", "0x10p0")]),
    ("time with an underscore", "GET", "query", [("query", "time()"), ("time", "1_000")]),
    ("bad time", "GET", "query", [("query", "up"), ("time", "yesterday")]),
    ("infinite time", "GET", "query", [("query", "up"), ("time", "Inf")]),
    ("time NaN", "GET", "query", [("query", "up"), ("time", "NaN")]),
    ("huge time", "GET", "query", [("query", "up"), ("time", "1e300")]),
    ("time with spaces", "GET", "query", [("query", "up"), ("time", " 12")]),
    ("no query", "GET", "query", []),
    ("empty query", "GET", "query", [("query", "")]),
    ("a comment only", "GET", "query", [("query", "# nothing")]),
    ("open parenthesis", "GET", "query", [("query", "sum(up"), ("time", AT)]),
    ("two expressions", "GET", "query", [("query", "up up"), ("time", AT)]),
    ("unknown function", "GET", "query", [("query", "foo(up)"), ("time", AT)]),
    ("wrong argument type", "GET", "query", [("query", "rate(up)"), ("time", AT)]),
    ("error on a later line", "GET", "query", [("query", "up\n  + +\n )"), ("time", AT)]),
    ("matcher that matches all", "GET", "query", [("query", "{job=~\".*\"}"), ("time", AT)]),
    ("bad regular expression", "GET", "query", [("query", "up{job=~\"(\"}"), ("time", AT)]),
    ("many to many", "GET", "query", [("query", "up * on(job) up"), ("time", AT)]),
    ("same labels twice", "GET", "query", [("query", "label_replace(up,\"instance\",\"\",\"\",\"\")"), ("time", AT)]),
    ("limit", "GET", "query", [("query", "up"), ("time", AT), ("limit", "2")]),
    ("limit that cuts nothing", "GET", "query", [("query", "up"), ("time", AT), ("limit", "3")]),
    ("limit of a scalar", "GET", "query", [("query", "1"), ("time", AT), ("limit", "1")]),
    ("limit zero", "GET", "query", [("query", "up"), ("time", AT), ("limit", "0")]),
    ("negative limit", "GET", "query", [("query", "up"), ("time", AT), ("limit", "-1")]),
    ("bad limit", "GET", "query", [("query", "up"), ("time", AT), ("limit", "many")]),
    ("limit with a plus", "GET", "query", [("query", "up"), ("time", AT), ("limit", "+2")]),
    ("limit too large for a number", "GET", "query", [("query", "up"), ("time", AT), ("limit", "99999999999999999999")]),
    ("bad limit before a bad time", "GET", "query", [("query", "("), ("time", "x"), ("limit", "x")]),
    ("timeout given", "GET", "query", [("query", "1"), ("time", AT), ("timeout", "5s")]),
    ("negative timeout as a duration", "GET", "query", [("query", "up"), ("time", AT), ("timeout", "-1s")]),
    ("infinite timeout", "GET", "query", [("query", "up"), ("time", AT), ("timeout", "Inf")]),
    ("timeout too long for Go", "GET", "query", [("query", "up"), ("time", AT), ("timeout", "9223372037")]),
    ("timeout with a space", "GET", "query", [("query", "up"), ("time", AT), ("timeout", " 1")]),
    ("timeout with a plus", "GET", "query", [("query", "up"), ("time", AT), ("timeout", "+1")]),
    ("a bad timeout before a bad lookback and a bad query", "GET", "query", [("query", "up{"), ("time", AT), ("timeout", "y"), ("lookback_delta", "z")]),
    ("a bad lookback before a bad query", "GET", "query", [("query", "up{"), ("time", AT), ("lookback_delta", "z")]),
    ("lookback zero", "GET", "query", [("query", "up"), ("time", AT), ("lookback_delta", "0")]),
    ("negative lookback", "GET", "query", [("query", "up"), ("time", AT), ("lookback_delta", "-1")]),
    ("negative lookback as a duration", "GET", "query", [("query", "up"), ("time", AT), ("lookback_delta", "-1s")]),
    ("lookback NaN", "GET", "query", [("query", "up"), ("time", AT), ("lookback_delta", "NaN")]),
    ("endless lookback", "GET", "query", [("query", "up"), ("time", AT), ("lookback_delta", "1e300")]),
    ("limit with a fraction", "GET", "query", [("query", "up"), ("time", AT), ("limit", "1.5")]),
    ("limit with an underscore", "GET", "query", [("query", "up"), ("time", AT), ("limit", "1_0")]),
    ("bad timeout", "GET", "query", [("query", "1"), ("time", AT), ("timeout", "soon")]),
    ("bad lookback", "GET", "query", [("query", "1"), ("time", AT), ("lookback_delta", "far")]),
    ("lookback given", "GET", "query", [("query", "up{job=\"db\"}"), ("time", str(START + 620)), ("lookback_delta", "10s")]),
    ("warning: quantile out of range", "GET", "query", [("query", "quantile(2, up)"), ("time", AT)]),
    ("info: name of no counter", "GET", "query", [("query", "rate(up{job=\"db\"}[1m])"), ("time", AT)]),
    ("query given twice", "GET", "query", [("query", "1"), ("query", "2"), ("time", AT)]),

    ("a range", "GET", "query_range", [("query", "up{job=\"api\"}"), ("start", FROM), ("end", TO), ("step", "60")]),
    ("a range by POST", "POST", "query_range", [("query", "sum(up)"), ("start", FROM), ("end", TO), ("step", "1m")]),
    ("a range of a scalar", "GET", "query_range", [("query", "1"), ("start", FROM), ("end", TO), ("step", "90s")]),
    ("a range of a string", "GET", "query_range", [("query", "\"a\""), ("start", FROM), ("end", TO), ("step", "60")]),
    ("a range of a matrix", "GET", "query_range", [("query", "up[1m]"), ("start", FROM), ("end", TO), ("step", "60")]),
    ("a range with nothing", "GET", "query_range", [("query", "nothing_here"), ("start", FROM), ("end", TO), ("step", "60")]),
    ("step with a fraction", "GET", "query_range", [("query", "time()"), ("start", FROM), ("end", str(START + 61)), ("step", "0.5")]),
    ("no start", "GET", "query_range", [("query", "up"), ("end", TO), ("step", "60")]),
    ("no end", "GET", "query_range", [("query", "up"), ("start", FROM), ("step", "60")]),
    ("no step", "GET", "query_range", [("query", "up"), ("start", FROM), ("end", TO)]),
    ("bad start", "GET", "query_range", [("query", "up"), ("start", "x"), ("end", TO), ("step", "60")]),
    ("end before start", "GET", "query_range", [("query", "up"), ("start", TO), ("end", FROM), ("step", "60")]),
    ("zero step", "GET", "query_range", [("query", "up"), ("start", FROM), ("end", TO), ("step", "0")]),
    ("negative step", "GET", "query_range", [("query", "up"), ("start", FROM), ("end", TO), ("step", "-5")]),
    ("negative step as a duration", "GET", "query_range", [("query", "up"), ("start", FROM), ("end", TO), ("step", "-5s")]),
    ("bad step", "GET", "query_range", [("query", "up"), ("start", FROM), ("end", TO), ("step", "often")]),
    ("infinite step", "GET", "query_range", [("query", "up"), ("start", FROM), ("end", TO), ("step", "Inf")]),
    ("tiny step", "GET", "query_range", [("query", "1"), ("start", FROM), ("end", FROM), ("step", "0.0001")]),
    ("step too long for Go", "GET", "query_range", [("query", "1"), ("start", FROM), ("end", FROM), ("step", "1e12")]),
    ("too many points", "GET", "query_range", [("query", "1"), ("start", "0"), ("end", "11001"), ("step", "1")]),
    ("as many points as are allowed", "GET", "query_range", [("query", "nothing_here"), ("start", "0"), ("end", "11000"), ("step", "1")]),
    ("a bad query in a range", "GET", "query_range", [("query", "up{"), ("start", FROM), ("end", TO), ("step", "60")]),
    ("limit of a range", "GET", "query_range", [("query", "up"), ("start", FROM), ("end", TO), ("step", "120"), ("limit", "1")]),
    ("a bad timeout before a bad query in a range", "GET", "query_range", [("query", "up{"), ("start", FROM), ("end", TO), ("step", "60"), ("timeout", "y")]),
    ("a bad lookback before a bad type in a range", "GET", "query_range", [("query", "up[1m]"), ("start", FROM), ("end", TO), ("step", "60"), ("lookback_delta", "y")]),
    ("bad timeout of a range", "GET", "query_range", [("query", "up"), ("start", FROM), ("end", TO), ("step", "120"), ("timeout", "x")]),

    ("series", "GET", "series", [("match[]", "up")]),
    ("series of two selectors", "GET", "series", [("match[]", "up{job=\"db\"}"), ("match[]", "hits_total")]),
    ("series by POST", "POST", "series", [("match[]", "{job=\"web\"}")]),
    ("series without a selector", "GET", "series", []),
    ("series with an empty selector", "GET", "series", [("match[]", "{}")]),
    ("series that match everything", "GET", "series", [("match[]", "{job=~\".*\"}")]),
    ("series with a bad selector", "GET", "series", [("match[]", "up{")]),
    ("series with an expression", "GET", "series", [("match[]", "sum(up)")]),
    ("series in a window", "GET", "series", [("match[]", "up{job=\"db\"}"), ("start", FROM), ("end", TO)]),
    ("series with end before start", "GET", "series", [("match[]", "up{job=\"db\"}"), ("start", TO), ("end", FROM)]),
    ("series with a bad start", "GET", "series", [("match[]", "up"), ("start", "x")]),
    ("series with a bad end", "GET", "series", [("match[]", "up"), ("end", "x")]),
    ("series with a limit", "GET", "series", [("match[]", "up"), ("limit", "1")]),
    ("series with a bad limit", "GET", "series", [("match[]", "up"), ("limit", "x")]),

    ("labels", "GET", "labels", []),
    ("labels by POST", "POST", "labels", []),
    ("labels of a selector", "GET", "labels", [("match[]", "hits_total")]),
    ("labels of a bad selector", "GET", "labels", [("match[]", "a b")]),
    ("labels of a selector that matches everything", "GET", "labels", [("match[]", "{}")]),
    ("labels with a limit", "GET", "labels", [("limit", "2")]),
    ("labels of nothing", "GET", "labels", [("match[]", "nothing_here")]),

    ("values", "GET", "label/job/values", []),
    ("values of metric names", "GET", "label/__name__/values", []),
    ("values of an unknown label", "GET", "label/nobody/values", []),
    ("values of a selector", "GET", "label/instance/values", [("match[]", "up{job=\"api\"}")]),
    ("values of a bad selector", "GET", "label/instance/values", [("match[]", "{")]),
    ("values of a selector that matches everything", "GET", "label/job/values", [("match[]", "{job=~\".*\"}")]),
    ("values with a limit", "GET", "label/job/values", [("limit", "1")]),
    ("values of an escaped name", "GET", "label/U__the_2e_code/values", []),
    ("values of a name with a dot", "GET", "label/the.code/values", []),
    ("values of a badly escaped name", "GET", "label/U__the_zz_code/values", []),
    ("values with a bad start", "GET", "label/job/values", [("start", "x")]),

    ("format", "GET", "format_query", [("query", "sum  by(job)(rate( up [5m] ))")]),
    ("format by POST", "POST", "format_query", [("query", "a+b")]),
    ("format of nothing", "GET", "format_query", []),
    ("format of nonsense", "GET", "format_query", [("query", "a+")]),

    ("statistics in another word than all", "GET", "query", [("query", "up"), ("time", AT), ("stats", "1")]),
    ("no statistics", "GET", "query", [("query", "up"), ("time", AT), ("stats", "")]),
    ("statistics of a string", "GET", "query", [("query", "\"a\""), ("time", AT), ("stats", "all")]),
    ("statistics of a matrix", "GET", "query", [("query", "up[1m]"), ("time", AT), ("stats", "all")]),
    ("statistics of a subquery", "GET", "query", [("query", "up[1m:20s]"), ("time", AT), ("stats", "all")]),
    ("statistics with a limit", "GET", "query", [("query", "up"), ("time", AT), ("stats", "all"), ("limit", "1")]),
    ("statistics at a fraction of a second", "GET", "query_range", [("query", "up"), ("start", FROM + ".5"), ("end", TO), ("step", "60"), ("stats", "all")]),
] + [
    (f"statistics of {query}", "GET", "query", [("query", query), ("time", AT), ("stats", "all")]) for query in COUNTED
] + [
    (f"statistics of {query} over a range", "GET", "query_range", [("query", query), ("start", FROM), ("end", TO), ("step", "60"), ("stats", "all")]) for query in COUNTED
]


def put_data(url):
    body = remote_write.body([remote_write.series(labels, samples) for labels, samples in DATA])
    status, _, text = fetch(url + "/api/v1/write", data=body, headers=remote_write.HEADERS)
    if status != 204:
        sys.exit(f"remote write was answered {status}: {text!r}")


def ask(url, row):
    what, method, path, parameters = row
    encoded = urllib.parse.urlencode(parameters)
    address = f"{url}/api/v1/{path}"
    if method == "GET":
        status, _, body = fetch(address + ("?" + encoded if encoded else ""))
    else:
        status, _, body = fetch(address, data=encoded.encode(), method="POST",
                                headers={"Content-Type": "application/x-www-form-urlencoded"})
    answer = json.loads(body)
    if dict(parameters).get("stats"):
        timings = answer["data"]["stats"]["timings"]
        timings.update({name: 0 for name in timings})
    return {"what": what, "method": method, "path": path, "parameters": parameters, "status": status, "body": answer}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program = pathlib.Path(sys.argv[1]) / "prometheus"
    _, out, err = run([program, "--version"])
    found = re.search(r"version (\d+\.\d+\.\d+)", out + err).group(1)
    if found != VERSION:
        sys.exit(f"{program} is {found}; expected {VERSION}")
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "prometheus.yml").write_text("{}\n")
        port = free_port()
        server = Program([program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                          f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
                          "--enable-feature=promql-per-step-stats"], folder, "prometheus")
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for("Prometheus", lambda: fetch(url + "/-/ready")[0] == 200, 40)
            put_data(url)
            cases = [ask(url, row) for row in REQUESTS]
        finally:
            server.stop()
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    print(f'{{"version": "{VERSION}", "data": {json.dumps(DATA, ensure_ascii=False)}, "cases": [\n{lines}\n]}}')


if __name__ == "__main__":
    main()
