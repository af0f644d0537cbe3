"""What two answers differ in, and whether that may be.

Equal means: the same error, kind, warnings and infos, label sets, times and floats to the last bit. Three things are
not defined by Prometheus and are excepted, each only where it is shown to be the reason:

- Order. Over several steps Prometheus keeps the results of functions and operators in a hash map, so that sums over
  them come in another order every time. An answer that Prometheus itself gives when asked again is right; so is one
  within 1e-12 of the largest value anywhere inside the query, or no further from one of its answers than
  these lie apart.
- Which of equal values topk and bottomk keep, and which limitk, where order is not defined.
- Which series is named as an example in an error of duplicates: as order.

One thing is Prometheus's own: over several steps it now and then works on in a histogram that it still needs, so that
buckets do not add up to their count. What it says of each step asked alone is then what counts, and what one says that
was started for that question.
"""
import json
import math
import re

TOLERANCE = 1e-12
ASKED_AGAIN = 60  # of two series in a map, the rarer order comes one time in eight
DUPLICATES = 'found duplicate series for the match group'


def answer_of(reply):
    """What matters of a reply, in the shape in which it is recorded."""
    if reply['status'] != 'success':
        return {'error': reply['error']}
    data = reply['data']
    kind, result = data['resultType'], data['result']
    if kind == 'vector':
        result = [[one['metric'], [one['value'] if 'value' in one else one['histogram']]] for one in result]
    elif kind == 'matrix':
        result = [[one['metric'], merged(one.get('values', []), one.get('histograms', []))] for one in result]
    elif kind in ('scalar', 'string'):
        result = [[{}, [result]]]
    out = {'type': kind, 'series': result}
    for name in ('warnings', 'infos'):
        if reply.get(name):
            out[name] = sorted(reply[name])
    return out


def merged(floats, histograms):
    return sorted(floats + histograms, key=lambda sample: float(sample[0])) if histograms else floats


def numbers_of(value):
    """The floats of a sample's value, in one order; buckets by their bounds."""
    if not isinstance(value, dict):
        return [value]
    out = [value['count'], value['sum']]
    for bucket in buckets_of(value):
        out += bucket[1:]
    return out


def buckets_of(value):
    """Those that have a count: multiplied by NaN, even the empty ones that a chunk happens to hold show."""
    return [bucket for bucket in value.get('buckets', []) if bucket[3] != 'NaN']


def form_of(value):
    return [bucket[0] for bucket in buckets_of(value)] if isinstance(value, dict) else None


def apart(a, b):
    """The largest difference of two samples' floats; infinite when one is NaN or they are of another form."""
    if form_of(a) != form_of(b):
        return math.inf
    most = 0.0
    for x, y in zip(map(float, numbers_of(a)), map(float, numbers_of(b))):
        if x == y or (math.isnan(x) and math.isnan(y)):
            continue
        distance = abs(x - y)
        most = max(most, math.inf if math.isnan(distance) else distance)
    return most


NAN_BUCKET = re.compile(r', [\[(][^\])]*[\])]:NaN')
LONG_NUMBER = re.compile(r'-?(?=[0-9.]{11})[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?')


def keyed(answer, roughly=False):
    """Samples by their labels. Roughly: numbers that count_values made labels by their first ten digits."""
    out, of_histograms = [], {}
    for labels, samples in answer['series']:
        if any(value.startswith('{count:') and 'NaN' in value for value in labels.values()):
            # As in buckets_of; what differs in such buckets alone is taken together.
            key = json.dumps({name: NAN_BUCKET.sub('', value) for name, value in labels.items()}, sort_keys=True)
            of_histograms[key] = sorted(of_histograms.get(key, []) + samples, key=lambda sample: float(sample[0]))
            continue
        if roughly:
            labels = {name: '%.9e' % float(value) if LONG_NUMBER.fullmatch(value) else value for name, value in labels.items()}
        out.append((json.dumps(labels, sort_keys=True), samples))
    return out + list(of_histograms.items())


def difference(ours, theirs, tolerance=0.0, relative=0.0):
    """In words; empty when there is none beyond `tolerance`, or `relative` to the values themselves."""
    if 'error' in ours or 'error' in theirs:
        a, b = ours.get('error', 'an answer'), theirs.get('error', 'an answer')
        return '' if a == b else '%s\nexpected %s' % (a, b)
    if ours['type'] != theirs['type']:
        return 'a %s, expected a %s' % (ours['type'], theirs['type'])
    for name in ('warnings', 'infos'):
        a, b = ours.get(name, []), theirs.get(name, [])
        if relative > 0:
            a, b = (sorted(LONG_NUMBER.sub(lambda found: '%.9e' % float(found[0]), text) for text in texts) for texts in (a, b))
        # Of more than ten Prometheus shows any ten.
        if a != b and not (len(a) == len(b) == 11):
            return '%s %s\nexpected %s' % (name, a, b)
    if ours['type'] == 'string':
        return '' if ours['series'] == theirs['series'] else '%s\nexpected %s' % (ours['series'], theirs['series'])
    a, b = keyed(ours, relative > 0), keyed(theirs, relative > 0)
    if tolerance == 0 and [labels for labels, _ in a] != [labels for labels, _ in b] and sorted(a, key=lambda one: one[0]) == sorted(b, key=lambda one: one[0]):
        return 'order %s\nexpected %s' % ([labels for labels, _ in a], [labels for labels, _ in b])
    a, b = dict(a), dict(b)
    for labels in sorted(a.keys() | b.keys()):
        left, right = a.get(labels), b.get(labels)
        if left is None or right is None or [float(at) for at, _ in left] != [float(at) for at, _ in right]:
            return '%s %s\nexpected %s' % (labels, left, right)
        for (at, x), (_, y) in zip(left, right):
            if x == y:
                continue
            allowed = max(tolerance, relative * max([0.0] + [abs(float(n)) for n in numbers_of(y) if math.isfinite(float(n))]))
            if form_of(x) != form_of(y) or apart(x, y) > allowed:
                return '%s at %s: %s\nexpected %s' % (labels, at, x, y)
    return ''


def spread(answers):
    """How far apart Prometheus's own answers lie where they have the same samples."""
    most, first = 0.0, dict(keyed(answers[0]))
    for other in answers[1:]:
        for labels, samples in keyed(other):
            for (at, x), (other_at, y) in zip(first.get(labels, []), samples):
                if at == other_at:
                    distance = apart(x, y)
                    most = max(most, distance if math.isfinite(distance) else 0.0)
    return most


def values_of(answer):
    """The values of each time, whose ever they are."""
    return sorted((float(at), json.dumps(value)) for _, samples in answer['series'] for at, value in samples)


def holds_histograms(answer):
    return any(isinstance(value, dict) for _, samples in answer['series'] for _, value in samples)


class Judge:
    """Compares answers to one query; asks Prometheus more where the first answer is not the same."""

    def __init__(self, ask, largest):
        """`ask(case)` gives Prometheus's answer, `largest(parts)` the largest value inside those expressions."""
        self.ask, self.largest = ask, largest

    def difference_by_step(self, case, ours):
        """Asks for every step alone, as order is defined at one moment (ties of topk are settled by it)."""
        query = case['query'].replace('start()', '%.3f' % case['start']).replace('end()', '%.3f' % case['end'])
        found, at = {}, case['start']
        while at <= case['end'] + 1e-6:
            answer = self.ask({'query': query, 'time': '%.3f' % at})
            if 'error' in answer:
                return answer['error']
            for labels, samples in answer['series']:
                found.setdefault(json.dumps(labels, sort_keys=True), []).extend(samples)
            at += case['step']
        return difference(dict(ours, warnings=[], infos=[]), {'type': ours['type'], 'series': [
            [json.loads(labels), samples] for labels, samples in found.items()]}, 1e-300, TOLERANCE)

    def judge(self, case, parts, ours, theirs):
        """A word, 'equal', 'order', 'itself' (Prometheus contradicts its own answers) or 'differs', and what differs."""
        what = difference(ours, theirs)
        if not what:
            return 'equal', ''
        answers = [theirs]
        for _ in range(ASKED_AGAIN):
            answers.append(self.ask(case))
            if not difference(ours, answers[-1]):
                return 'order', ''
        itself = any(difference(one, theirs) for one in answers)
        if itself and all(one.get('error', '').startswith(DUPLICATES) for one in (ours, theirs)):
            return 'order', ''
        if 'start' in case and 'error' in theirs and 'error' not in ours and not self.difference_by_step(case, ours):
            return 'itself', ''
        if 'error' in ours or 'error' in theirs:
            return 'differs', what
        if 'start' in case and holds_histograms(ours) and not self.difference_by_step(case, ours):
            return 'itself', ''
        if not itself:
            return 'differs', what
        if re.search('topk|bottomk|limitk', case['query']) and values_of(ours) == values_of(theirs):
            return 'order', ''
        if 'limitk' in case['query']:
            return 'order', ''  # others may be kept, which are there at other times
        if 'start' in case and not self.difference_by_step(case, ours):
            return 'order', ''
        allowed = max(TOLERANCE * self.largest(parts), 4 * spread([one for one in answers if 'series' in one]))
        for one in answers:
            if not difference(ours, one, allowed, TOLERANCE):
                return 'order', ''
        return 'differs', what
