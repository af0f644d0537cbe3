// The status board in real headless Chromium, against a real vedette that watches real targets.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync, mkdirSync, existsSync} from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {after, before, test} from 'node:test';

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..');
const {chromium} = createRequire(join(root, 'dashboards/ui/package.json'))('playwright-core');
const build = process.env.VEDETTE_BUILD ?? join(root, 'build/release');
const shots = join(build, 'screenshots');

const freePort = () => new Promise((done) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const {port} = server.address();
    server.close(() => done(port));
  });
});

const world = {status: 200, hooks: []};
let folder, peer, vedette, browser, url;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vedette-pages-'));
  mkdirSync(shots, {recursive: true});
  peer = http.createServer((request, response) => {
    if (request.method === 'POST') world.hooks.push(request.url);
    response.writeHead(request.url.startsWith('/health/checkout') ? world.status : 200);
    response.end('ok');
  });
  await new Promise((done) => peer.listen(0, '127.0.0.1', done));
  const target = `http://127.0.0.1:${peer.address().port}`;
  const names = ['checkout', 'shop', 'search', 'login'];
  writeFileSync(join(folder, 'vedette.yml'), `
probes:
${names.map((name) => `  - {name: ${name}, type: http, url: '${target}/health/${name}', every: 500ms}`).join('\n')}
  - {name: heygen, type: http, url: '${target}/health/heygen', every: 500ms, group: providers}
vedette_rules: [rules.yml]
route: {receiver: team, group_wait: 0s, group_interval: 1s}
receivers: [{name: team, webhook_configs: [{url: '${target}/hook'}]}]
`);
  writeFileSync(join(folder, 'rules.yml'), `
groups:
  - name: services
    interval: 200ms
    rules:
      - alert: ServiceDown
        expr: probe_success == 0
        labels: {severity: critical}
        annotations: {summary: '{{ $labels.job }} does not answer <b>x</b>', runbook_url: 'https://runbooks.example/service-down'}
      - alert: ServiceSlow
        threshold: {metric: probe_duration_seconds, above: 60, recover: 30}
`);
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  vedette = spawn(join(build, 'vedette'), ['run', '--config', join(folder, 'vedette.yml'), '--data', join(folder, 'data'), '--listen', `127.0.0.1:${port}`], {stdio: ['ignore', 'inherit', 'inherit']});
  for (let i = 0; ; ++i) {
    const ready = await fetch(`${url}/-/ready`).then((answer) => answer.ok, () => false);
    if (ready) break;
    assert.ok(i < 200, 'vedette did not become ready');
    await new Promise((done) => setTimeout(done, 50));
  }
  browser = await chromium.launch({executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']});
}, {timeout: 60_000});

after(async () => {
  await browser?.close();
  if (vedette) {
    const ended = new Promise((done) => vedette.once('exit', done));
    vedette.kill('SIGTERM');
    await ended;
  }
  peer?.close();
  peer?.closeAllConnections?.();
  if (existsSync(folder)) rmSync(folder, {recursive: true});
});

async function open(path = '/', options = {}) {
  const context = await browser.newContext({viewport: {width: 1100, height: 800}, ...options});
  const page = await context.newPage();
  const said = [], outside = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(String(error)));
  page.on('request', (request) => { if (!request.url().startsWith(url)) outside.push(request.url()); });
  await page.goto(url + path);
  return {page, said, outside, close: () => context.close()};
}

const timeout = 60_000;

test('the board says that all is well, with every target and no word in the console', {timeout}, async () => {
  const {page, said, outside, close} = await open();
  await page.getByRole('heading', {name: 'All is well'}).waitFor();
  assert.equal(await page.locator('.target').count(), 5);
  assert.deepEqual(await page.locator('.group h2').allTextContents(), ['services', 'providers']);
  await page.screenshot({path: join(shots, 'board-well.png')});
  assert.deepEqual(said, []);
  assert.deepEqual(outside, [], 'the page needs no network');
  await close();
});

test('what breaks stands first within a second of its reading, in words, and goes when it is mended', {timeout}, async () => {
  const {page, said, close} = await open();
  await page.getByRole('heading', {name: 'All is well'}).waitFor();
  world.status = 503;
  await page.getByRole('heading', {name: '1 problem'}).waitFor({timeout: 5000});
  await page.getByText(/checkout is down for .*503/).waitFor();
  assert.match(await page.locator('.target').first().innerText(), /checkout/);
  await page.locator('.alert.firing').getByText('ServiceDown').waitFor();
  await page.locator('.alert.firing').getByText(/sent to/).waitFor({timeout: 10_000});
  assert.equal(await page.locator('.alert b').filter({hasText: /^x$/}).count(), 0, 'an annotation is text, not markup');
  await page.screenshot({path: join(shots, 'board-wrong.png')});
  await page.getByRole('button', {name: 'checkout'}).click();
  await page.getByText('Last failures').waitFor();
  await page.screenshot({path: join(shots, 'board-details.png'), fullPage: true});
  world.status = 200;
  await page.getByRole('heading', {name: 'All is well'}).waitFor({timeout: 5000});
  await page.locator('.alert.firing').waitFor({state: 'detached', timeout: 10_000});
  assert.deepEqual(said, []);
  await close();
});

test('at 360 pixels it is one column and nothing scrolls sideways, light and dark', {timeout}, async () => {
  for (const colorScheme of ['light', 'dark']) {
    const {page, close} = await open('/', {viewport: {width: 360, height: 740}, colorScheme, hasTouch: true, isMobile: true});
    await page.getByRole('heading', {name: 'All is well'}).waitFor();
    const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= seen, `${wide} is wider than ${seen}`);
    await page.screenshot({path: join(shots, `board-phone-${colorScheme}.png`)});
    await close();
  }
});

test('the keyboard reaches everything: / filters, Enter opens, arrows walk the bars', {timeout}, async () => {
  const {page, close} = await open();
  await page.getByRole('heading', {name: 'All is well'}).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('shop');
  await page.waitForFunction(() => document.querySelectorAll('.target').length === 1);
  await page.getByRole('button', {name: 'shop'}).focus();
  await page.keyboard.press('Enter');
  await page.getByText('Last reading, phase by phase').waitFor();
  await page.locator('.target .bars').focus();
  await page.keyboard.press('ArrowLeft');
  assert.match(await page.locator('.tip').innerText(), /up, \d+ readings/);
  await close();
});

test('text has a contrast of 4.5 to 1 in both colour schemes', {timeout}, async () => {
  for (const colorScheme of ['light', 'dark']) {
    const {page, close} = await open('/', {colorScheme});
    await page.getByRole('heading', {name: 'All is well'}).waitFor();
    const worst = await page.evaluate(() => {
      const channel = (c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
      const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
      const rgb = (text) => text.match(/[\d.]+/g).map(Number);
      const background = (node) => {
        for (; node; node = node.parentElement) {
          const colour = rgb(getComputedStyle(node).backgroundColor);
          if (colour.length < 4 || colour[3] > 0) return colour;
        }
        return [255, 255, 255];
      };
      let least = [99, ''];
      for (const node of document.querySelectorAll('#app *')) {
        if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
        const a = light(rgb(getComputedStyle(node).color)), b = light(background(node));
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < least[0]) least = [ratio, node.textContent];
      }
      return least;
    });
    assert.ok(worst[0] >= 4.5, `${colorScheme}: ${worst}`);
    await close();
  }
});

test('an alert\'s link leads to its expression with values and a picture', {timeout}, async () => {
  const {page, said, close} = await open('/graph?g0.expr=sum%20by%20(job)%20(up)');
  await page.getByText('{job="shop"}').waitFor();
  await page.locator('.chart canvas').waitFor();
  await page.screenshot({path: join(shots, 'explore.png')});
  await page.getByLabel('PromQL').fill('sum by job (up)');
  await page.getByRole('button', {name: 'Ask'}).click();
  await page.getByRole('alert').waitFor();
  assert.match(await page.getByRole('alert').innerText(), /parse error/);
  assert.deepEqual(said.filter((text) => !/400/.test(text)), []);
  await close();
});

test('the rules stand below, those in our own words with the PromQL they compile to', {timeout}, async () => {
  const {page, said, outside, close} = await open();
  await page.getByText('2 rules', {exact: true}).click();
  const rules = page.locator('.rule');
  await rules.nth(1).waitFor();
  assert.match(await rules.nth(0).innerText(), /ServiceDown[^]*probe_success == 0/);
  assert.match(await rules.nth(1).innerText(), /inactive\s+ServiceSlow\s+services/);
  assert.equal(await rules.nth(1).locator('code').innerText(), 'threshold: {metric: probe_duration_seconds, above: 60, recover: 30}');
  assert.equal(await rules.nth(1).locator('pre').innerText(), `  probe_duration_seconds > 60
or
  (
      probe_duration_seconds > 30
    and ignoring (alertname, alertstate)
      ALERTS{alertname="ServiceSlow",alertstate="firing"}
  )`);
  assert.equal(await rules.nth(0).locator('code').count(), 0);
  await page.setViewportSize({width: 360, height: 800});
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), 'nothing scrolls sideways');
  await page.screenshot({path: join(shots, 'rules.png'), fullPage: true});
  assert.deepEqual(said, []);
  assert.deepEqual(outside, []);
  await close();
});

// On a machine that builds beside it, painting all of them has taken a minute.
test('five hundred targets are all painted; how fast is printed, not judged', {timeout: 200_000}, async (context) => {
  const {page, close} = await open();
  const board = await (await fetch(`${url}/api/vedette/v1/board`)).json();
  const one = board.targets[0];
  board.targets = Array.from({length: 500}, (_, i) => ({...one, probe: `service-${i}`, instance: `http://x/${i}`}));
  await page.route('**/api/vedette/v1/board', (route) => route.fulfill({json: board}));
  await page.goto(url, {timeout: 90_000});
  await page.waitForFunction(() => document.querySelectorAll('.target').length === 500, null, {timeout: 90_000});
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
  context.diagnostic(`first paint with 500 targets after ${Math.round(paint)} ms`);
  await close();
});
