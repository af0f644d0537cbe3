// Alerts with their state, reason, and what became of the message.
import {ago, duration} from './words.js';

const words = {pending: 'pending', firing: 'firing', resolved: 'resolved'};

function Delivery({delivery}) {
  return <span class={delivery.trouble ? 'trouble' : ''}>{delivery.text} </span>;
}

function Alert({alert, now}) {
  const isAddress = (text) => /^(https?:\/\/|\/)/.test(text);
  const links = [['query', alert.generator_url], ['runbook', alert.runbook_url]].filter(([, url]) => isAddress(url));
  const runbook = isAddress(alert.runbook_url) ? '' : alert.runbook_url;
  return (
    <li class={`alert ${alert.state}`} id={`alert-${alert.id}`}>
      <p class="line">
        <span class={`state ${alert.state}`}><i aria-hidden="true" />{words[alert.state]}</span>
        <b>{alert.name}</b>
        <span class="severity">{alert.severity}</span>
        <span class="quiet">{alert.state === 'resolved' && alert.resolved ? `resolved ${ago(alert.resolved, now)}` : `for ${duration(now - alert.since)}`}</span>
      </p>
      <p>{alert.summary || alert.headline}</p>
      <p class="quiet">
        {alert.reason}
        {alert.silenced_by && ' · silenced'}
        {alert.inhibited_by && ' · held back by another alert'}
      </p>
      <p class="quiet">
        {alert.deliveries.map((delivery, index) => <Delivery key={index} delivery={delivery} />)}
        {links.map(([word, url]) => <a key={word} href={url}>{word}</a>)}
        {runbook && <span> runbook: {runbook}</span>}
      </p>
    </li>
  );
}

export function Alerts({alerts, now}) {
  return (
    <section class="alerts" aria-labelledby="alerts">
      <h2 id="alerts">Alerts</h2>
      {alerts.length === 0 && <p class="quiet">None.</p>}
      <ul>{alerts.map((alert) => <Alert key={alert.id} alert={alert} now={now} />)}</ul>
    </section>
  );
}
