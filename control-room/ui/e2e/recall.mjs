// What a withdrawal does to open cases, in a real browser against a running service: a case that nobody has looked at leaves
// the queue, and one with a unit on its way says "stand down" on its row and in its panel, within five seconds.
//
// Needs STEELRING_URL, STEELRING_USER, STEELRING_PASSWORD (of a user who may act and change lists), STEELRING_LIST and two of
// its marks with new cases: STEELRING_DEPLOYED, STEELRING_UNSEEN; takes CHROMIUM, SCREENSHOT_DIR and TIMEOUT_S. Prints one line of
// JSON. Exit code 1: something is not as it must be.

import { tmpdir } from 'node:os';
import { must, openBrowser, setting, shoot, signIn } from './browser.mjs';

const list = setting('STEELRING_LIST');
const marks = { deployed: setting('STEELRING_DEPLOYED'), unseen: setting('STEELRING_UNSEEN') };
const pictures = process.env.SCREENSHOT_DIR;
const promised = 5_000;
const seen = {};
let doing = 'start the browser';

const { browser, page, complaints } = await openBrowser({ width: 1920, height: 1080 });
page.setDefaultTimeout(Number(process.env.TIMEOUT_S ?? 30) * 1_000);

const panel = page.getByTestId('case-panel');
const rowOf = (kind) => page.locator(`[data-testid=queue-row][data-vrm="${marks[kind]}"]`);
const text = async (at) => (await at.innerText()).replaceAll(/\s+/g, ' ');

async function withdraw(vrm) {
  const status = await page.evaluate(
    async ([list, vrm]) => {
      const { csrf } = await (await fetch('/api/session')).json();
      const headers = { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf };
      const body = JSON.stringify({ vrm });
      return (await fetch(`/api/hotlists/${list}/withdraw`, { method: 'POST', headers, body })).status;
    },
    [list, vrm],
  );
  must(status === 200, `the withdrawal was answered with ${status}`);
}

async function run() {
  doing = 'sign in';
  await signIn(page, setting('STEELRING_URL'), setting('STEELRING_USER'), setting('STEELRING_PASSWORD'));
  for (const kind of ['deployed', 'unseen']) await rowOf(kind).waitFor();

  doing = 'send a unit';
  await rowOf('deployed').click();
  await page.locator('[data-testid=case-panel][data-state=new]').waitFor();
  await page.keyboard.press('c');
  await page.locator('[data-testid=case-panel][data-state=confirmed]').waitFor();
  await page.locator('[data-testid^=proposal-]').first().waitFor();
  await page.keyboard.press('d');
  await page.keyboard.press('1');
  await page.locator('[data-testid=case-panel][data-state=deployed]').waitFor();
  must((await panel.getByTestId('recall').count()) === 0, 'nothing is recalled yet');

  doing = 'withdraw the entry of the case with a unit';
  let begun = performance.now();
  await withdraw(marks.deployed);
  await panel.getByTestId('recall').waitFor({ timeout: promised });
  seen.told_ms = Math.round(performance.now() - begun);
  seen.says = await text(panel.getByTestId('recall'));
  must(/Marker withdrawn: stand down/.test(seen.says) && /unless/.test(seen.says), `the case says ${seen.says}`);
  seen.row = await text(rowOf('deployed').getByTestId('row-recall'));
  must((await panel.getAttribute('data-state')) === 'deployed', 'the case stays open for a person to close');
  if (pictures) await page.waitForTimeout(3_000);
  await shoot(page, pictures, 'recall');

  doing = 'withdraw the entry of the case that nobody looked at';
  begun = performance.now();
  await withdraw(marks.unseen);
  await rowOf('unseen').waitFor({ state: 'detached', timeout: promised });
  seen.ended_ms = Math.round(performance.now() - begun);
  must((await rowOf('unseen').count()) === 0, 'it left the queue');
  must(complaints.length === 0, complaints.join('; '));
}

try {
  await run();
  console.log(JSON.stringify(seen));
} catch (error) {
  await shoot(page, pictures ?? tmpdir(), 'recall-failed').catch(() => undefined);
  console.error(JSON.stringify({ failed: doing, why: error.message, complaints, seen }));
  process.exitCode = 1;
} finally {
  await browser.close();
}
