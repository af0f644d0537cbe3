// The status board: is something wrong, and where?
import {useEffect, useMemo, useRef, useState} from 'preact/hooks';
import {Alerts} from './alerts.jsx';
import {useBoard, useNow} from './live.js';
import {Rules} from './rules.jsx';
import {Target} from './target.jsx';
import {ago, count, duration, targetName} from './words.js';

const rank = {down: 0, unknown: 1, up: 2};

/** What is wrong, in words: targets that are down, and alerts that fire about something else. */
function problemsOf(board, names, now) {
  const down = board.targets.filter((target) => target.state === 'down');
  const covered = new Set(down.flatMap((target) => target.alerts));
  const told = (ids) => board.alerts.filter((alert) => ids.includes(alert.id) && alert.state !== 'resolved')
    .map((alert) => [`${alert.name} ${alert.state}`, ...alert.deliveries.map((delivery) => delivery.text)].join(', ')).join(' · ');
  return [
    ...down.map((target) => ({
      key: `${target.probe} ${target.instance}`,
      text: `${names(target)} is down for ${duration(now - target.since)}: ${target.reason}`,
      note: told(alertsOf(board, target).map((alert) => alert.id)),
    })),
    ...board.alerts.filter((alert) => alert.state === 'firing' && !covered.has(alert.id) && !down.some((target) => about(alert, target)))
      .map((alert) => ({key: alert.id, text: alert.summary || alert.name, note: told([alert.id])})),
  ];
}

function about(alert, target) {
  return alert.labels.job === target.probe && (!alert.labels.instance || alert.labels.instance === target.instance);
}

function alertsOf(board, target) {
  return board.alerts.filter((alert) => about(alert, target));
}

function Headline({board, problem, updated, now, names}) {
  const problems = problemsOf(board, names, now);
  const up = board.targets.filter((target) => target.state === 'up').length;
  const unknown = board.targets.filter((target) => target.state === 'unknown').length;
  const title = problems.length ? count(problems.length, 'problem', 'problems') : unknown ? 'Asking for the first time' : 'All is well';
  return (
    <section class={`headline ${problems.length ? 'wrong' : ''}`} aria-live="polite">
      <div class="line">
        <h1>{title}</h1>
        <span class="quiet" role="status">{problem ? `${problem}; last seen ${ago(updated, now)}` : `updated ${ago(updated, now)}`}</span>
      </div>
      {problems.map((one) => <p key={one.key} class="problem"><span>{one.text}</span> <span class="quiet">{one.note}</span></p>)}
      {problems.length === 0 && <p class="quiet">{count(up, 'target is', 'targets are')} up{unknown > 0 && `, ${unknown} not asked yet`}; {count(board.rules, 'rule watches', 'rules watch')} over them.</p>}
    </section>
  );
}

function Filter({value, onChange}) {
  const box = useRef();
  useEffect(() => {
    const focus = (event) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || /^(input|textarea)$/i.test(event.target.tagName)) return;
      event.preventDefault();
      box.current.focus();
    };
    addEventListener('keydown', focus);
    return () => removeEventListener('keydown', focus);
  }, []);
  return <input ref={box} type="search" class="filter" placeholder="filter: name or label   /" aria-label="Filter by name or label" value={value} onInput={(event) => onChange(event.target.value)} />;
}

function Group({name, targets, board, names, now}) {
  return (
    <details class="group" open>
      <summary>
        <h2>{name}</h2>
        <span class="head-bars quiet">last 24 h</span><span class="head-spark quiet">latency</span><span class="head-now quiet">now</span><span class="head-day quiet">24 h</span>
      </summary>
      <ul>{targets.map((target) => (
        <Target key={`${target.probe} ${target.instance}`} target={target} name={names(target)} alerts={alertsOf(board, target)} now={now} />
      ))}</ul>
    </details>
  );
}

function Empty() {
  return (
    <section>
      <p>Nothing is watched yet. Write this into <code>vedette.yml</code> and reload:</p>
      <pre>{'probes:\n  - {name: shop, type: http, url: https://shop.example/health, every: 15s}\n'}</pre>
    </section>
  );
}

export function Board() {
  const {board, problem, updated} = useBoard();
  const now = useNow();
  const [filter, setFilter] = useState('');
  const alone = useMemo(() => {
    const seen = {};
    for (const target of board?.targets ?? []) seen[target.probe] = (seen[target.probe] ?? 0) + 1;
    return seen;
  }, [board?.targets.length]);
  if (!board) return <p class="quiet waiting">{problem || 'Looking …'}</p>;

  const names = (target) => targetName(target, alone[target.probe] === 1);
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (target) => `${names(target)} ${target.group} ${target.state} ${Object.entries(target.labels).map(([name, value]) => `${name}=${value}`).join(' ')}`.toLowerCase();
  const shown = board.targets.filter((target) => words.every((word) => text(target).includes(word)))
    .sort((a, b) => rank[a.state] - rank[b.state] || names(a).localeCompare(names(b)));
  const groups = [...new Set(board.targets.map((target) => target.group))];
  return (
    <main>
      <Headline board={board} problem={problem} updated={updated} now={now} names={names} />
      {board.targets.length === 0 ? <Empty /> : <Filter value={filter} onChange={setFilter} />}
      {groups.map((group) => {
        const targets = shown.filter((target) => target.group === group);
        return targets.length > 0 && <Group key={group} name={group} targets={targets} board={board} names={names} now={now} />;
      })}
      {board.scraped_hidden > 0 && <p class="quiet">{count(board.scraped_hidden, 'more target is', 'more targets are')} scraped and not shown here: <a href="/api/v1/targets">all of them</a>.</p>}
      {words.length > 0 && shown.length === 0 && <p class="quiet">No target matches.</p>}
      <Alerts alerts={board.alerts} now={now} />
      <Rules total={board.rules} />
      <footer class="quiet">vedette {board.version} · running for {duration(now - board.started)} · <a href="/metrics">metrics</a></footer>
    </main>
  );
}
