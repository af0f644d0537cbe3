// One target: a line on the board, and behind it what was measured, what failed and who is told.
import {useState} from 'preact/hooks';
import {Bars} from './bars.jsx';
import {Spark} from './spark.jsx';
import {ago, clock, duration, latency, percent} from './words.js';

export function State({state}) {
  return <span class={`state ${state}`}><i aria-hidden="true" />{state}</span>;
}

function Phases({phases: all}) {
  const phases = all.filter((phase) => phase.seconds > 0);  // no TLS took no time: it did not happen
  const total = phases.reduce((sum, phase) => sum + phase.seconds, 0);
  if (!total) return null;
  let before = 0;
  return (
    <table class="phases">
      <caption>Last reading, phase by phase</caption>
      <tbody>
        {phases.map((phase) => {
          const left = before / total * 100;
          before += phase.seconds;
          return (
            <tr key={phase.name}>
              <th scope="row">{phase.name}</th>
              <td><span class="phase" style={{marginLeft: `${left}%`, width: `${Math.max(0.4, phase.seconds / total * 100)}%`}} /></td>
              <td class="number">{latency(phase.seconds)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Failure({failure, now}) {
  return (
    <details class="failure">
      <summary>{clock(failure.at)} · {ago(failure.at, now)} · {failure.reason}</summary>
      <pre>{failure.transcript || 'nothing was said'}</pre>
    </details>
  );
}

function Details({target, alerts, now}) {
  return (
    <div class="details">
      <p class="quiet">{target.type} · {target.address} · every {duration(target.every)}, at most {duration(target.timeout)}{target.latest && `, last ${ago(target.latest.at, now)}`}</p>
      {target.state === 'down' && <p>Down since {clock(target.since)}: {target.reason}</p>}
      <Phases phases={target.phases} />
      {target.type !== 'scrape' && <h3>Last failures</h3>}
      {target.type !== 'scrape' && target.failures.length === 0 && <p class="quiet">None that is remembered.</p>}
      {target.failures.map((failure) => <Failure key={failure.at} failure={failure} now={now} />)}
      <h3>Alerts</h3>
      {alerts.length === 0 && <p class="quiet">None about this target.</p>}
      <ul>{alerts.map((alert) => <li key={alert.id}><a href={`#alert-${alert.id}`}>{alert.name}</a> is {alert.state}</li>)}</ul>
      <p class="quiet labels">{Object.entries(target.labels).map(([name, value]) => <code key={name}>{name}="{value}"</code>)}</p>
    </div>
  );
}

export function Target({target, name, alerts, now}) {
  const [open, setOpen] = useState(false);
  const id = `target-${target.probe}-${target.instance}`;
  return (
    <li class={`target ${target.state}`}>
      <div class="line" onClick={() => setOpen(!open)}>
        <State state={target.state} />
        <button type="button" class="name" aria-expanded={open} aria-controls={id} onClick={(event) => { event.stopPropagation(); setOpen(!open); }}>{name}</button>
        <Bars bars={target.bars} now={now} name={name} />
        <Spark points={target.latency} />
        <span class="number now">{target.state === 'up' && target.latest ? latency(target.latest.seconds) : '–'}</span>
        <span class="number day">{percent(target.availability)}</span>
      </div>
      {target.state === 'down' && <p class="reason">{target.reason}</p>}
      <div id={id}>{open && <Details target={target} alerts={alerts} now={now} />}</div>
    </li>
  );
}
