// A vehicle that is seen again and again while nobody acts, in a real browser against a running service, as a supervisor: the
// case stands at grade 1, the supervisor is called, and the record says by which rule and who was signed in.
//
// Needs STEELRING_URL, STEELRING_USER, STEELRING_PASSWORD (of a supervisor), STEELRING_VRM, and STEELRING_ABSENT, an operator who
// is signed in; takes CHROMIUM, SCREENSHOT_DIR and TIMEOUT_S. Prints one line of JSON. Exit code 1: something is not as it must be.

import { tmpdir } from 'node:os';
import { must, openBrowser, setting, shoot, signIn } from './browser.mjs';

const vrm = setting('STEELRING_VRM');
const absent = setting('STEELRING_ABSENT');
const pictures = process.env.SCREENSHOT_DIR;
const seen = {};
let doing = 'start the browser';

const { browser, page, complaints } = await openBrowser({ width: 1920, height: 1080 });
page.setDefaultTimeout(Number(process.env.TIMEOUT_S ?? 30) * 1_000);

const text = async (at) => (await at.innerText()).replaceAll(/\s+/g, ' ');

async function run() {
  doing = 'sign in';
  await signIn(page, setting('STEELRING_URL'), setting('STEELRING_USER'), setting('STEELRING_PASSWORD'));

  doing = 'see the call';
  const row = page.locator(`[data-testid=queue-row][data-vrm="${vrm}"]`);
  await row.waitFor();
  seen.grade = Number(await row.getAttribute('data-grade'));
  must(seen.grade === 1, `the case has grade ${seen.grade}`);
  const call = page.getByTestId('call');
  await call.waitFor();
  seen.call = await text(call);
  must(/third sighting/.test(seen.call) && seen.call.includes(absent), `the call says ${seen.call}`);
  if (pictures) await page.waitForTimeout(3_000);
  await shoot(page, pictures, 'call');

  doing = 'answer the call';
  const caseId = await call.getAttribute('data-case-id');
  await page.getByTestId('answer-call').click();
  await page.locator(`[data-testid=case-panel][data-case-id="${caseId}"]`).waitFor();
  await call.waitFor({ state: 'detached' });
  const history = page.getByTestId('history');
  await history.getByText(/grade \d to 1/).first().waitFor();
  if (pictures) await page.waitForTimeout(3_000);
  await shoot(page, pictures, 'escalated');

  doing = 'see the rules that did it';
  await page.getByTestId('tab-rules').click();
  const rules = page.getByTestId('rule');
  await rules.first().waitFor();
  seen.rules = await rules.count();
  must(/passed/.test(await text(rules.first())), 'a rule is shown without its tests');
  must((await text(page.getByTestId('rules-version'))).includes('own'), 'the rules are not the force’s own');
  await shoot(page, pictures, 'rules');
  must(complaints.length === 0, complaints.join('; '));
}

try {
  await run();
  console.log(JSON.stringify(seen));
} catch (error) {
  await shoot(page, pictures ?? tmpdir(), 'repeats-failed').catch(() => undefined);
  console.error(JSON.stringify({ failed: doing, why: error.message, complaints, seen }));
  process.exitCode = 1;
} finally {
  await browser.close();
}
