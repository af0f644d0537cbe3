// The page of who costs what, in real headless Chromium, against a real vedette whose store is small.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync, mkdirSync} from 'node:fs';
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
const timeout = 60_000;
const long = 'a_label_name_that_somebody_made_very_long_because_nobody_said_that_it_has_to_fit_on_a_telephone';

const freePort = () => new Promise((done) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const {port} = server.address();
    server.close(() => done(port));
  });
});

let folder, peer, vedette, browser, url;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vedette-costs-'));
  mkdirSync(shots, {recursive: true});
  peer = http.createServer((request, response) => {
    const many = request.url.startsWith('/greedy') ? 400 : 5;
    response.setHeader('Content-Type', 'text/plain; version=0.0.4');
    response.end(Array.from({length: many}, (_, n) => `orders_total{user="u-${n}",${long}="${n % 3}"} 1\n`).join(''));
  });
  await new Promise((done) => peer.listen(0, '127.0.0.1', done));
  const at = `127.0.0.1:${peer.address().port}`;
  writeFileSync(join(folder, 'vedette.yml'), `
storage: {series_max: 300}
scrape_configs:
  - {job_name: modest, scrape_interval: 1s, metrics_path: /modest, static_configs: [{targets: ['${at}']}]}
  - {job_name: greedy, scrape_interval: 1s, metrics_path: /greedy, static_configs: [{targets: ['${at}']}]}
`);
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  vedette = spawn(join(build, 'vedette'), ['run', '--config', join(folder, 'vedette.yml'), '--data', join(folder, 'data'), '--listen', `127.0.0.1:${port}`], {stdio: ['ignore', 'ignore', 'ignore']});
  for (let i = 0; ; ++i) {
    const costs = await fetch(`${url}/api/vedette/v1/cardinality`).then((answer) => answer.json(), () => null);
    if (costs?.data.refused.length > 0 && costs.data.jobs.length >= 2) break;
    assert.ok(i < 400, 'nobody was refused');
    await new Promise((done) => setTimeout(done, 50));
  }
  browser = await chromium.launch({executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']});
}, {timeout});

after(async () => {
  await browser?.close();
  if (vedette) {
    const ended = new Promise((done) => vedette.once('exit', done));
    vedette.kill('SIGTERM');
    await ended;
  }
  peer?.close();
  peer?.closeAllConnections?.();
  rmSync(folder, {recursive: true, force: true});
});

async function open(options = {}) {
  const context = await browser.newContext({viewport: {width: 1100, height: 800}, ...options});
  const page = await context.newPage();
  const said = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(String(error)));
  await page.goto(`${url}/status/cardinality`);
  await page.getByRole('heading', {name: 'Room is getting short'}).waitFor();
  return {page, said, close: () => context.close()};
}

test('the page says who has most series, who was refused and by which limit', {timeout}, async () => {
  const {page, said, close} = await open();
  const section = (name) => page.locator('section').filter({has: page.getByRole('heading', {name, exact: true})});
  assert.match(await section('Refused').innerText(), /greedy · even share\s+orders_total/);
  assert.match(await section('Jobs by series').locator('li').first().innerText(), /greedy\s+2\d\d/);
  assert.match(await section('Jobs by churn').locator('li').first().innerText(), /greedy\s+2\d\d/);
  assert.match(await section('Metrics by series').locator('li').first().innerText(), /orders_total\s+2\d\d/);
  assert.match(await section('Labels by values').locator('li').first().innerText(), /user\s+2\d\d/);
  assert.match(await section('Labels by memory').innerText(), /KiB/);
  assert.match(await page.locator('.budgets').innerText(), /storage\.series_max\s+2\d\d\s+300\s+[89]\d %/);
  assert.equal(await page.locator('nav [aria-current=page]').innerText(), 'Costs');
  await page.screenshot({path: join(shots, 'costs.png'), fullPage: true});
  assert.deepEqual(said, []);
  await close();
});

test('at 360 pixels nothing scrolls sideways, light and dark, however long a name is', {timeout}, async () => {
  for (const colorScheme of ['light', 'dark']) {
    const {page, close} = await open({viewport: {width: 360, height: 740}, colorScheme, hasTouch: true, isMobile: true});
    const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= seen, `${wide} is wider than ${seen}`);
    await page.screenshot({path: join(shots, `costs-phone-${colorScheme}.png`), fullPage: true});
    await close();
  }
});
