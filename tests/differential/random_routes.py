"""Random routing trees, inhibition rules, time intervals and alerts, as Alertmanager's files write them; JSON is YAML."""
import datetime
import json

NAMES = ["alertname", "job", "severity", "team", "zone"]
VALUES = {"alertname": ["Down", "Slow", "Full"], "job": ["api", "db", "web"], "severity": ["critical", "warning", "info"],
          "team": ["ops", "dev", ""], "zone": ["eu-1", "eu-2", "us 1", ""]}
PATTERNS = [".*", ".+", "", "a.*|d.*", "(?i)OPS|DEV", "eu-[12]", "us\\s1", "[^c].*", "critical|warning", "d"]
ZONES = ["", "UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati"]
WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"]


def matcher(rng):
    name = rng.choice(NAMES)
    sign = rng.choice(["=", "!=", "=~", "!~"])
    value = rng.choice(PATTERNS if sign[-1] == "~" else VALUES[name] + ["x y"])
    style = rng.random()
    if style < 0.2 and value and all(c.isalnum() or c in "-_" for c in value):
        return f"{name}{sign}{value}"
    if style < 0.3:
        return f'"{name}" {sign} {json.dumps(value)}'
    if style < 0.4:
        return "{" + f"{name}{sign}{json.dumps(value)}" + "}"
    if style < 0.5:
        return f'{name}{sign}{json.dumps(value)} , job!="{rng.choice(VALUES["job"])}"'
    return f"{name}{sign}{json.dumps(value)}"


def route(rng, receivers, depth=0, intervals=()):
    node = {}
    if depth == 0 or rng.random() < 0.7:
        node["receiver"] = rng.choice(receivers)
    if depth and rng.random() < 0.85:
        kind = rng.random()
        if kind < 0.6:
            node["matchers"] = [matcher(rng) for _ in range(rng.randint(1, 2))]
        if kind > 0.5:
            node["match"] = {name: rng.choice(VALUES[name]) for name in rng.sample(NAMES, rng.randint(1, 2))}
        if kind > 0.85:
            node["match_re"] = {rng.choice(NAMES): rng.choice(PATTERNS)}
    if depth and rng.random() < 0.35:
        node["continue"] = True
    group = rng.random()
    if group < 0.3:
        node["group_by"] = rng.sample(NAMES, rng.randint(1, 3))
    elif group < 0.4:
        node["group_by"] = ["..."]
    elif group < 0.45:
        node["group_by"] = []
    if depth and intervals:
        for key in ("mute_time_intervals", "active_time_intervals"):
            if rng.random() < 0.3:
                node[key] = rng.sample(intervals, rng.randint(1, min(2, len(intervals))))
    if depth < 3 and rng.random() < (1.0, 0.6, 0.4)[depth]:
        node["routes"] = [route(rng, receivers, depth + 1, intervals) for _ in range(rng.randint(1, 4))]
    return node


def inhibit_rule(rng):
    # No alert is on both sides: there, 0.33 looks at one source alone, and which one is a matter of luck.
    rule = {"source_matchers": ["severity=critical", matcher(rng)], "target_matchers": ["severity!=critical", matcher(rng)]}
    if rng.random() < 0.7:
        rule["equal"] = rng.sample(NAMES, rng.randint(1, 2))
    if rng.random() < 0.2:
        rule["source_match"] = {"job": "api"}
    return rule


def labels(rng):
    out = {"alertname": rng.choice(VALUES["alertname"])}
    for name in NAMES[1:]:
        value = rng.choice(VALUES[name])
        if value and rng.random() < 0.85:
            out[name] = value
    return out


def around(rng, value, low, high, spread=2):
    """A range that is near `value`, inside the bounds."""
    first = min(max(value + rng.randint(-spread, spread), low), high)
    last = min(max(first + rng.randint(0, spread), low), high)
    return first, last


def text_of(first, last, names=None, offset=0):
    if names:
        first, last = names[first - offset], names[last - offset]
    return f"{first}" if first == last else f"{first}:{last}"


def interval(rng, now):
    """One time interval whose edges are near `now`, so that both verdicts are common."""
    out = {}
    zone = rng.choice(ZONES)
    if rng.random() < 0.6:
        out["location"] = zone
    local = now + datetime.timedelta(hours=rng.choice([0, 0, 1, -5, 11, 14]))
    if rng.random() < 0.5:
        out["times"] = []
        for _ in range(rng.randint(0, 2)):
            minute = local.hour * 60 + local.minute
            first = max(0, minute - rng.randint(1, 400) if rng.random() < 0.7 else minute // 2)
            last = min(1440, first + rng.randint(2, 700))
            if first < last:
                out["times"].append({"start_time": f"{first // 60:02}:{first % 60:02}", "end_time": f"{last // 60:02}:{last % 60:02}"})
    if rng.random() < 0.4:
        out["weekdays"] = [text_of(*around(rng, (local.isoweekday()) % 7, 0, 6), WEEKDAYS) for _ in range(rng.randint(1, 2))]
    if rng.random() < 0.4:
        out["days_of_month"] = []
        for _ in range(rng.randint(1, 2)):
            if rng.random() < 0.5:
                first, last = around(rng, local.day, 1, 31)
            else:
                first, last = around(rng, local.day - 31, -31, -1)
            out["days_of_month"].append(text_of(first, last))
    if rng.random() < 0.3:
        first, last = around(rng, local.month, 1, 12)
        out["months"] = [text_of(first, last, MONTHS if rng.random() < 0.5 else None, 1)]
    if rng.random() < 0.2:
        out["years"] = [text_of(*around(rng, local.year, 2000, 2100, 1))]
    return out
