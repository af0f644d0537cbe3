#!/usr/bin/env python3
"""Records what Prometheus 3.5.3 answers, for the tests of promql. Run it in the repository's root.

    tests/promql/record.py BIN answers [SEED COUNT]   random queries on random data: recorded/answers.json
    tests/promql/record.py BIN found                  recorded/found.json: a disagreement that somebody found is a row
                                                      {"what": "…", "query": "…", "at": 60} over the data there,
                                                      with "in_order": true when the order of series counts
    tests/promql/record.py BIN native                 native histograms, of native_cases.py: recorded/native.json
    tests/promql/record.py BIN parse                  recorded/parse.json and recorded/pretty.json: the queries
                                                      in them are asked again; a new one is a row {"query": "…"}
    tests/promql/record.py BIN verdicts [SEED COUNT]  random texts, good and broken: recorded/verdicts.json
    tests/promql/record.py BIN scripts [FILE...]      writes the answers below each `eval` of scripts/*.test
    tests/promql/record.py BIN all

BIN is a folder with that Prometheus; any other version is refused.
"""
import json
import pathlib
import random
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'differential'))
from judge import answer_of  # noqa: E402
from prometheus import VERSION, Prometheus  # noqa: E402
from random_data import make_data  # noqa: E402
from random_expressions import Expressions  # noqa: E402
from random_queries import PROFILES, Queries  # noqa: E402

import native_cases  # noqa: E402

RECORDED = HERE / 'recorded'
PARAMETER = 'invalid parameter "query": '


def rows(values):
    return ',\n'.join(json.dumps(one, separators=(',', ':'), ensure_ascii=False) for one in values)


def is_settled(prometheus, path, form, answer):
    """Whether Prometheus says the same again, in which it keeps no order over several steps."""
    return all(answer_of(prometheus.ask(path, **form)) == answer for _ in range(8))


def record_answers(folder, seed=None, count=None):
    """So many cases, in equal parts without features, with those of the language, and with all."""
    path = RECORDED / 'answers.json'
    if seed is None:
        before = json.loads(path.read_text())
        seed, count = before['seed'], len(before['cases'])
    data = make_data(random.Random(int(seed)))
    cases = []
    for part, features in enumerate(PROFILES):
        queries = Queries(random.Random("%s/%d" % (seed, part)), 0, features)
        with Prometheus(folder, features) as prometheus:
            prometheus.write(data)
            while len(cases) * len(PROFILES) < int(count) * (part + 1):
                form = queries.case()
                path_of_api = 'query' if 'time' in form else 'query_range'
                answer = answer_of(prometheus.ask(path_of_api, **form))
                case = {{'time': 'at'}.get(name, name): value for name, value in form.items()}
                if part > 0:
                    case['features'] = part
                case.update(answer)
                if 'error' in case:
                    case['error'] = case['error'].removeprefix(PARAMETER)
                # Empty answers say little.
                if case.get('series') == [] and len(cases) % 4:
                    continue
                if len(json.dumps(case)) < 3000 and is_settled(prometheus, path_of_api, form, answer):
                    cases.append(case)
    path.write_text('{"version": "%s", "seed": %s, "data": [\n%s\n], "cases": [\n%s\n]}\n' % (VERSION, seed, rows(data), rows(cases)))


def record_native(folder):
    data, cases = native_cases.data(), []
    with Prometheus(folder) as prometheus:
        prometheus.write(data)
        for form in native_cases.queries():
            case = {{'time': 'at'}.get(name, name): value for name, value in form.items()}
            case.update(answer_of(prometheus.ask('query' if 'time' in form else 'query_range', **form)))
            cases.append(case)
    (RECORDED / 'native.json').write_text('{"version": "%s", "data": [\n%s\n], "cases": [\n%s\n]}\n' % (VERSION, rows(data), rows(cases)))


def record_found(folder):
    path = RECORDED / 'found.json'
    file = json.loads(path.read_text())
    cases, data = [], sorted(file['data'], key=lambda one: sorted(one[0].items()))
    with Prometheus(folder, PROFILES[1]) as usual, Prometheus(folder, PROFILES[2]) as delaying:
        usual.write(data)
        delaying.write(data)
        for row in file['cases']:
            prometheus = delaying if row.get('features') == 2 else usual
            case = {name: row[name] for name in ('what', 'in_order', 'features', 'query', 'at', 'start', 'end', 'step') if name in row}
            form = {{'at': 'time'}.get(name, name): value for name, value in case.items() if name not in ('what', 'in_order', 'features')}
            case.update(answer_of(prometheus.ask('query' if 'at' in case else 'query_range', **form)))
            if 'error' in case:
                case['error'] = case['error'].removeprefix(PARAMETER)
            cases.append(case)
    path.write_text('{"version": "%s", "data": [\n%s\n], "cases": [\n%s\n]}\n' % (VERSION, rows(file['data']), rows(cases)))


def record_parse(folder):
    with Prometheus(folder) as prometheus:
        for name in ('parse.json', 'pretty.json'):
            path = RECORDED / name
            cases = []
            for row in json.loads(path.read_text())['cases']:
                reply = prometheus.ask('format_query', query=row['query'])
                if reply['status'] == 'success':
                    cases.append({'query': row['query'], 'printed': reply['data']})
                else:
                    cases.append({'query': row['query'], 'error': reply['error'].removeprefix(PARAMETER)})
            path.write_text('{"version": "%s", "cases": [\n%s\n]}\n' % (
                VERSION, ',\n'.join(json.dumps(one, ensure_ascii=False) for one in cases)))


FEATURES = ['promql-experimental-functions', 'promql-duration-expr']


def record_verdicts(folder, seed=None, count=None):
    path = RECORDED / 'verdicts.json'
    if seed is None:
        before = json.loads(path.read_text())
        seed, count = before['seed'], len(before['cases'])
    cases = []
    for features in ([], FEATURES):
        expressions, kept = Expressions(random.Random(int(seed))), {'printed': 0, 'error': 0}
        with Prometheus(folder, features) as prometheus:
            while sum(kept.values()) < int(count) // 2:
                text = expressions.one()
                reply = prometheus.ask('format_query', query=text)
                case = {'query': text, 'features': bool(features)}
                if reply['status'] == 'success':
                    case['printed'] = reply['data']
                else:
                    case['error'] = reply['error'].removeprefix('invalid parameter "query": ')
                kind = 'printed' if 'printed' in case else 'error'
                # As many good ones as broken ones; a crash of Prometheus's own says nothing.
                if len(text) < 300 and kept[kind] <= kept['error' if kind == 'printed' else 'printed'] and case.get('error') != 'unexpected error':
                    kept[kind] += 1
                    cases.append(case)
    path.write_text('{"version": "%s", "seed": %s, "cases": [\n%s\n]}\n' % (VERSION, seed, rows(cases)))


def milliseconds(text):
    units = {'ms': 1, 's': 1000, 'm': 60000, 'h': 3600000, 'd': 86400000}
    if re.fullmatch(r'-?[0-9.]+', text):
        return round(float(text) * 1000)
    sign, text = (-1, text[1:]) if text.startswith('-') else (1, text)
    return sign * sum(int(n) * units[unit] for n, unit in re.findall(r'(\d+)(ms|[smhd])', text))


def labels_of(text):
    name, _, rest = text.partition('{')
    labels = {'__name__': name} if name else {}
    for label, value in re.findall(r'([\w]+)\s*=\s*("(?:[^"\\]|\\.)*")', rest):
        labels[label] = json.loads(value)
    return labels


def samples_of(words, step):
    """The notation of tests/support/memory_source.h."""
    out, at = [], 0
    for word in words:
        run = re.fullmatch(r'(_|stale|[-+]?(?:NaN|Inf|[0-9.]+(?:e[-+]?\d+)?))(?:([-+])([0-9.]+(?:e[-+]?\d+)?))?(?:x(\d+))?', word)
        first, sign, growth, count = run.groups()
        times = 1 if count is None else int(count) + (first != '_')
        for i in range(times):
            if first == 'stale':
                out.append([at, 'stale'])
            elif first != '_':
                # Added up, as the test's own reader does.
                value = float(first) if i == 0 else value + (float(sign + growth) if growth else 0)
                out.append([at, value])
            at += step
    return out


def series_text(labels):
    inside = ', '.join('%s=%s' % (name, json.dumps(value, ensure_ascii=False)) for name, value in sorted(labels.items()) if name != '__name__')
    name = labels.get('__name__', '')
    return name + ('{%s}' % inside if inside or not name else '')


def expected_lines(answer, steps):
    if 'error' in answer:
        return ['  error: ' + answer['error'].removeprefix(PARAMETER)]
    out = []
    for labels, samples in answer['series']:
        values = {round(float(at) * 1000): value for at, value in samples}
        out.append('  %s %s' % (series_text(labels), ' '.join(values.get(step, '_') for step in steps)))
    return sorted(out)


def record_script(folder, path):
    lines, kept, data, step, questions, features = path.read_text().splitlines(), [], [], 0, False, []
    for line in lines:
        if line.startswith('features '):
            features = line.split()[1].split(',')
        if line.startswith('load '):
            step = milliseconds(line.split()[1])
        elif line.startswith(' ') and not questions and line.strip() and not line.strip().startswith('#'):
            at = line.rfind('} ') + 1 or line.strip().find(' ') + len(line) - len(line.lstrip())
            data.append([labels_of(line[:at].strip()), samples_of(line[at:].split(), step)])
        questions |= line.startswith('eval ')
        if not (questions and line.startswith(' ')):
            kept.append(line)
    out = []
    with Prometheus(folder, features) as prometheus:
        prometheus.write([one for one in data if one[1]])
        for line in kept:
            out.append(line)
            words = line.split()
            if line.startswith('eval instant at '):
                at = milliseconds(words[3])
                answer = answer_of(prometheus.ask('query', query=line.split(None, 4)[4], time=at / 1000))
                out += expected_lines(answer, [at])
            elif line.startswith('eval range from '):
                start, end, step = (milliseconds(words[i]) for i in (3, 5, 7))
                answer = answer_of(prometheus.ask('query_range', query=line.split(None, 8)[8], start=start / 1000,
                                                  end=end / 1000, step=step / 1000))
                out += expected_lines(answer, range(start, end + 1, step))
    path.write_text('\n'.join(out) + '\n')


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder, what, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
    if what in ('answers', 'all'):
        record_answers(folder, *rest[:2])
    if what in ('found', 'all'):
        record_found(folder)
    if what in ('native', 'all'):
        record_native(folder)
    if what in ('parse', 'all'):
        record_parse(folder)
    if what in ('verdicts', 'all'):
        record_verdicts(folder, *rest[:2])
    if what in ('scripts', 'all'):
        for path in map(pathlib.Path, rest) if what == 'scripts' and rest else sorted((HERE / 'scripts').glob('*.test')):
            record_script(folder, path)


if __name__ == '__main__':
    main()
