"""Good and bad requests to the parts of Prometheus's API that need a whole program, and the life they are asked in:
the same rules, the same samples by remote write, in ours and in the real one."""
import hashlib
import json
import time
import urllib.parse

import remote_write
from support import fetch, get_json, wait_for

VERSION = "3.5.3"
START = int(time.time()) // 15 * 15 - 600  # the head of either holds it

RULES = """
groups:
  - name: first
    interval: 1s
    rules:
      - {record: 'job:up:sum', expr: sum by (job) (up), labels: {level: job}}
      - {alert: Never, expr: 'vector(1) > 2', labels: {severity: page, team: '{{ $labels.x }}'}, annotations: {summary: '{{ $value }}'}}
      - {alert: Waits, expr: vector(1), for: 1h, keep_firing_for: 5m}
  - name: second
    interval: 1s
    limit: 5
    rules:
      - {alert: Burns, expr: absent(nothing), labels: {severity: page}}
  - name: empty
    interval: 1s
    rules: []
"""
OTHER_RULES = """
groups:
  - name: first
    interval: 1s
    rules:
      - {alert: Burns, expr: 'vector(3)', labels: {severity: ticket}}
"""

DATA = [
    [{"__name__": "up", "job": "api", "instance": "a:1"}, [[START * 1000 + i * 15000, 1] for i in range(41)]],
    [{"__name__": "up", "job": "db", "instance": "c:1"}, [[START * 1000 + i * 15000, i % 2] for i in range(41)]],
    [{"__name__": "http.status", "job": "web", "the.code": "200"}, [[START * 1000 + i * 15000, 200] for i in range(41)]],
]

SECOND = "9f0fc5ce7b2cd8e9e1a9c0a1a0b7e4a5d6c7b8a9"  # nobody's

# Each row: what it shows, method, path below /api/v1/, parameters, headers.
REQUESTS = [
    ("rules", "GET", "rules", [], {}),
    ("alerting rules", "GET", "rules", [("type", "alert")], {}),
    ("alerting rules in capitals", "GET", "rules", [("type", "ALERT")], {}),
    ("recording rules", "GET", "rules", [("type", "record")], {}),
    ("rules of no type", "GET", "rules", [("type", "neither")], {}),
    ("rules by name", "GET", "rules", [("rule_name[]", "Burns")], {}),
    ("rules by two names", "GET", "rules", [("rule_name[]", "Burns"), ("rule_name[]", "job:up:sum")], {}),
    ("rules by a name that is not there", "GET", "rules", [("rule_name[]", "None")], {}),
    ("rules by group", "GET", "rules", [("rule_group[]", "first")], {}),
    ("rules of a group that is empty", "GET", "rules", [("rule_group[]", "empty")], {}),
    ("rules by file", "GET", "rules", [("file[]", "@FOLDER@/b.yml")], {}),
    ("rules by a file that is not there", "GET", "rules", [("file[]", "b")], {}),
    ("rules without their alerts", "GET", "rules", [("exclude_alerts", "true")], {}),
    ("rules with their alerts", "GET", "rules", [("exclude_alerts", "F")], {}),
    ("rules with a bad word for alerts", "GET", "rules", [("exclude_alerts", "maybe")], {}),
    ("rules by label", "GET", "rules", [("match[]", '{severity="page"}')], {}),
    ("rules by either label", "GET", "rules", [("match[]", '{severity="ticket"}'), ("match[]", '{level="job"}')], {}),
    ("rules by a pattern", "GET", "rules", [("match[]", '{severity=~"p.*|tick"}')], {}),
    ("rules by a label that is a template", "GET", "rules", [("match[]", '{team=~".*labels.*"}')], {}),
    ("rules by a label that no rule may have", "GET", "rules", [("match[]", '{severity!="page",level=""}')], {}),
    ("rules by their metric name", "GET", "rules", [("match[]", "up")], {}),
    ("rules by a bad selector", "GET", "rules", [("match[]", "up{")], {}),
    ("rules by an empty selector", "GET", "rules", [("match[]", "{}")], {}),
    ("a bad selector before a bad type", "GET", "rules", [("match[]", "up{"), ("type", "x")], {}),
    ("a bad type before a bad word for alerts", "GET", "rules", [("type", "x"), ("exclude_alerts", "x")], {}),
    ("a bad word for alerts before a bad page", "GET", "rules", [("exclude_alerts", "x"), ("group_limit", "x")], {}),
    ("the first page of groups", "GET", "rules", [("group_limit", "1")], {}),
    ("all groups on one page", "GET", "rules", [("group_limit", "3")], {}),
    ("a page of groups by name", "GET", "rules", [("group_limit", "1"), ("rule_group[]", "first")], {}),
    ("the next page of groups", "GET", "rules", [("group_limit", "1"), ("group_next_token", "@SECOND@")], {}),
    ("the last page of groups", "GET", "rules", [("group_limit", "2"), ("group_next_token", "@SECOND@")], {}),
    ("a page of nobody's", "GET", "rules", [("group_limit", "1"), ("group_next_token", SECOND)], {}),
    ("a page without its size", "GET", "rules", [("group_next_token", SECOND)], {}),
    ("a page of no size", "GET", "rules", [("group_limit", "0")], {}),
    ("a page of negative size", "GET", "rules", [("group_limit", "-1")], {}),
    ("a page of a size that is no number", "GET", "rules", [("group_limit", "x")], {}),
    ("a page of a size with a fraction", "GET", "rules", [("group_limit", "1.5")], {}),
    ("a page of a size beyond 64 bits", "GET", "rules", [("group_limit", "99999999999999999999")], {}),
    ("rules by POST", "POST", "rules", [], {}),
    ("alerts", "GET", "alerts", [], {}),
    ("alertmanagers", "GET", "alertmanagers", [], {}),
    ("runtime information", "GET", "status/runtimeinfo", [], {}),
    ("build information", "GET", "status/buildinfo", [], {}),
    ("reading the log back", "GET", "status/walreplay", [], {}),
    ("what the head holds", "GET", "status/tsdb", [("limit", "1000")], {}),
    ("what the head holds, limit 1", "GET", "status/tsdb", [("limit", "1")], {}),
    ("what the head holds, limit 0", "GET", "status/tsdb", [("limit", "0")], {}),
    ("what the head holds, a limit that is no number", "GET", "status/tsdb", [("limit", "x")], {}),
    ("what the head holds, a negative limit", "GET", "status/tsdb", [("limit", "-2")], {}),
    ("notifications", "GET", "notifications", [], {}),
    ("scrape pools", "GET", "scrape_pools", [], {}),
    ("targets", "GET", "targets", [], {}),
    ("active targets", "GET", "targets", [("state", "active")], {}),
    ("dropped targets", "GET", "targets", [("state", "DROPPED")], {}),
    ("targets of no state", "GET", "targets", [("state", "other")], {}),
    ("targets of no pool", "GET", "targets", [("scrapePool", "none")], {}),
    ("a query by PUT", "PUT", "query", [("query", "1")], {}),
    ("a query by DELETE", "DELETE", "query", [], {}),
    ("what a query may be asked by", "OPTIONS", "query", [], {}),
    ("a query whose form says another type", "POST", "query", [("query", "1")], {"Content-Type": "text/plain"}),
    ("a query half in the form, half in the address", "POST", "query?query=up&limit=1", [("time", str(START + 60))], {}),
    ("a query given in both places", "POST", "query?query=1", [("query", "2"), ("time", "1")], {}),
    ("a broken escape in the address", "GET", "query?query=%zz", [], {}),
    ("values by POST", "POST", "label/job/values", [], {}),
    ("values of an escaped name", "GET", "label/U__the_2e_code/values", [], {}),
    ("values of nothing", "GET", "label//values", [], {}),
    ("values with a limit", "GET", "label/job/values", [("limit", "1")], {}),
    ("a window whose end is before its start", "GET", "labels", [("start", "20"), ("end", "10")], {}),
    ("health as Grafana asks", "POST", "query", [("query", "1+1"), ("time", "4")], {}),
]


def put_data(url, credentials):
    body = remote_write.body([remote_write.series(labels, samples) for labels, samples in DATA])
    status, _, text = fetch(url + "/api/v1/write", data=body, headers={**remote_write.HEADERS, **credentials})
    assert status == 204, (status, text)


def wait_for_rules(url):
    """Until every rule was evaluated and the alerts of `for: 0s` fire."""
    def all_evaluated():
        groups = json.loads(fetch(url + "/api/v1/rules")[2])["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        firing = [rule for rule in rules if rule.get("state") == "firing"]
        alerts = get_json(url + "/api/v1/query", query='count({__name__=~"ALERTS.*"})')["data"]["result"]
        return len(rules) == 5 and len(firing) == 2 and alerts and alerts[0]["value"][1] == "6"
    wait_for("the first evaluation", all_evaluated, 20)


def token_of_second(url, folder):
    return json.loads(fetch(url + "/api/v1/rules?group_limit=1")[2])["data"]["groupNextToken"]


def ask(url, row, folder, token):
    what, method, path, parameters, headers = row
    fill = {"@FOLDER@": str(folder), "@SECOND@": token}
    for place, meant in fill.items():
        parameters = [(name, value.replace(place, meant)) for name, value in parameters]
    encoded = urllib.parse.urlencode(parameters)
    address = f"{url}/api/v1/{path}"
    if method == "POST":
        sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        status, given, body = fetch(address, data=encoded.encode(), method=method, headers=sent)
    else:
        status, given, body = fetch(address + ("?" + encoded if encoded else ""), method=method, headers=headers)
    kind = given.get("Content-Type", "")
    answer = json.loads(body) if kind == "application/json" else None
    return {"what": what, "status": status, "type": kind if answer is not None else "", "body": settled(answer, str(folder))}


# What differs from one life to the next: its kind is recorded.
PASSING = {"evaluationTime", "lastEvaluation", "activeAt", "startTime", "serverTime", "lastConfigTime", "hostname", "CWD",
           "goroutineCount", "GOMAXPROCS", "GOMEMLIMIT", "GOGC", "storageRetention", "version", "revision", "branch",
           "buildUser", "buildDate", "goVersion", "minTime", "maxTime", "chunkCount"}


# Prometheus has no such fields.
OURS = {"lastSamples", "lastSeriesFetched", "unmatched", "vedette"}


def settled(value, folder):
    if isinstance(value, dict):
        out = {}
        for key, inner in value.items():
            if key in OURS:
                continue
            out[key] = type(inner).__name__.replace("float", "number").replace("int", "number") if key in PASSING else settled(inner, folder)
        if "value" in out and isinstance(out["value"], list):
            out["value"][0] = "time"
        # Of what costs the same either order will do.
        for key in ("seriesCountByMetricName", "labelValueCountByLabelName", "memoryInBytesByLabelName", "seriesCountByLabelValuePair"):
            if key in out:
                out[key] = sorted(out[key], key=lambda entry: (-entry["value"], entry["name"])) if len(out[key]) != 1 else [out[key][0]["value"]]
        if "alerts" in out and isinstance(out["alerts"], list):
            out["alerts"] = sorted(out["alerts"], key=lambda alert: json.dumps(alert, sort_keys=True))
        return out
    if isinstance(value, list):
        return [settled(inner, folder) for inner in value]
    if isinstance(value, str):
        for group in ("a.yml;first", "a.yml;second", "b.yml;first"):
            value = value.replace(hashlib.sha1(f"{folder}/{group}".encode()).hexdigest(), f"token of {group}")
        return value.replace(folder, "@FOLDER@")
    return value


def ask_all(url, folder, credentials):
    """`credentials`: headers with which one may write."""
    put_data(url, credentials)
    wait_for_rules(url)
    token = token_of_second(url, folder)
    return [ask(url, row, folder, token) for row in REQUESTS]
