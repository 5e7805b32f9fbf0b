// One operator's whole job in a real browser against a running service: sign in, find the case of a vehicle, compare,
// confirm, deploy, follow the unit, close, and find all of it in the audit trail.
//
// Needs STEELRING_URL, STEELRING_USER, STEELRING_PASSWORD (of a user who may act and see the audit) and STEELRING_VRM;
// takes CHROMIUM, SCREENSHOT_DIR and TIMEOUT_S. Prints one line of JSON. Exit code 1: something is not as it must be.

import { tmpdir } from 'node:os';
import { must, openBrowser, setting, shoot, signIn } from './browser.mjs';

const address = setting('STEELRING_URL');
const user = setting('STEELRING_USER');
const password = setting('STEELRING_PASSWORD');
const vrm = setting('STEELRING_VRM').toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
const timeout = Number(process.env.TIMEOUT_S ?? 30) * 1_000;
const pictures = process.env.SCREENSHOT_DIR;

const seen = { vrm, steps: {} };
let doing = 'start the browser';

const { browser, page, complaints } = await openBrowser({ width: 1920, height: 1080 });
page.setDefaultTimeout(timeout);

async function step(name, act) {
  doing = name;
  const begun = performance.now();
  await act();
  seen.steps[name] = Math.round(performance.now() - begun);
}

const panel = page.getByTestId('case-panel');
const row = page.locator(`[data-testid=queue-row][data-vrm="${vrm}"]`);
const state = (wanted) => page.locator(`[data-testid=case-panel][data-state="${wanted}"]`).waitFor();
const unit = (callsign, wanted) =>
  page.locator(`[data-testid=deployment][data-callsign="${callsign}"][data-state="${wanted}"]`).waitFor();

/** Width in pixels of an image once it has loaded; none where the camera sent none. */
async function width(testid) {
  const image = page.getByTestId(testid);
  if ((await image.count()) === 0) return null;
  await page.waitForFunction((id) => document.querySelector(`[data-testid="${id}"]`)?.complete, testid);
  const found = await image.evaluate((element) => element.naturalWidth);
  must(found > 0, `${testid} did not load`);
  return found;
}

async function run() {
  await step('sign_in', () => signIn(page, address, user, password));
  await step('case_in_queue', () => row.first().waitFor());
  seen.grade = Number(await row.first().getAttribute('data-grade'));
  await step('open_case', async () => {
    await row.first().click();
    await state('new');
  });
  const caseId = await panel.getAttribute('data-case-id');
  seen.case_id = caseId;

  await step('images_and_entry', async () => {
    seen.plate_image_px = await width('plate-image');
    seen.overview_image_px = await width('overview-image');
    seen.reason = await page.getByTestId('reason').innerText();
    seen.action = await page.getByTestId('action').locator('strong').innerText();
    seen.confidence = await page.getByTestId('confidence').innerText();
    seen.mark = await page.getByTestId('compare-mark').innerText();
    must(seen.reason !== '', 'the entry shows no reason');
  });
  await shoot(page, pictures, 'operator-1-case');

  await step('deploy_before_confirm_is_refused', async () => {
    must(await page.getByTestId('cmd-deploy').isDisabled(), 'the deploy button must wait for the confirmation');
    await page.keyboard.press('d');
    await page.getByTestId('notice').waitFor();
    seen.deploy_before_confirm = await page.getByTestId('notice').innerText();
    // Past the page, the service itself must refuse.
    const refusal = await page.evaluate(async (id) => {
      const { csrf } = await (await fetch('/api/session')).json();
      const { case: one, proposals } = await (await fetch(`/api/cases/${id}`)).json();
      const callsign = proposals[0]?.callsign;
      if (!callsign) return 'no proposal';
      const body = JSON.stringify({ version: one.version, command: 'deploy', callsign });
      const headers = { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf };
      return (await fetch(`/api/cases/${id}/decide`, { method: 'POST', headers, body })).status;
    }, caseId);
    must(refusal === 409 || refusal === 'no proposal', `deploying before confirming was answered with ${refusal}`);
    must((await panel.getAttribute('data-state')) === 'new', 'the case must still be new');
  });

  await step('confirm', async () => {
    await page.keyboard.press('c');
    await state('confirmed');
  });

  await step('deploy', async () => {
    const proposal = page.locator('[data-testid^=proposal-]:not([disabled])').first();
    await proposal.waitFor();
    seen.unit = await proposal.getAttribute('data-callsign');
    const key = (await proposal.getAttribute('data-testid')).replace('proposal-', '');
    await page.keyboard.press('d');
    await page.keyboard.press(key);
    await state('deployed');
    await page.locator(`[data-testid=deployment][data-callsign="${seen.unit}"]`).waitFor();
  });
  await shoot(page, pictures, 'operator-2-deployed');

  await step('advance', () => advance());

  await step('close', async () => {
    await page.keyboard.press('x');
    await page.locator('[data-testid=outcome-form] [data-outcome=vehicle_recovered]').waitFor();
    const key = await page.locator('[data-outcome=vehicle_recovered] kbd').innerText();
    await page.keyboard.press(key);
    await page.keyboard.press('Enter');
    await state('closed');
  });
  await step('case_left_the_queue', () => page.locator(`[data-case-id="${caseId}"][data-testid=queue-row]`).waitFor({ state: 'detached' }));
  seen.history = await page.locator('[data-testid=history] li').evaluateAll((lines) => lines.map((line) => line.dataset.kind));

  await step('audit', () => audit(caseId));
  await shoot(page, pictures, 'operator-3-audit');
  must(complaints.length === 0, complaints.join('; '));
}

/** To the last step by key A; a unit in the simulator may have gone a step by itself meanwhile. */
async function advance() {
  const order = ['accepted', 'en_route', 'at_scene', 'cleared'];
  seen.advanced = [];
  for (const wanted of order) {
    const here = page.locator(`[data-testid=deployment][data-callsign="${seen.unit}"]`);
    const now = await here.getAttribute('data-state');
    if (order.indexOf(now) >= order.indexOf(wanted)) continue;
    await page.keyboard.press('a');
    await page.waitForFunction(
      ([callsign, names, least]) => {
        const found = document.querySelector(`[data-testid=deployment][data-callsign="${callsign}"]`);
        return found && names.indexOf(found.dataset.state) >= least;
      },
      [seen.unit, order, order.indexOf(wanted)],
    );
    seen.advanced.push(wanted);
  }
  await unit(seen.unit, 'cleared');
}

async function audit(caseId) {
  const wanted = ['view_case', 'confirmed', 'deployed', 'closed'];
  await page.getByTestId('tab-audit').click();
  await page.getByTestId('audit-row').first().waitFor();
  const deadline = Date.now() + timeout;
  for (;;) {
    const found = await page
      .locator(`[data-testid=audit-row][data-actor="${user}"][data-subject="${caseId}"]`)
      .evaluateAll((rows) => rows.map((one) => one.dataset.action));
    seen.audit = [...new Set(found)];
    if (wanted.every((action) => found.includes(action))) return;
    must(Date.now() < deadline, `the audit trail has ${seen.audit.join(', ') || 'nothing'} of ${wanted.join(', ')}`);
    await page.getByTestId('audit-refresh').click();
    await page.waitForTimeout(500);
  }
}

try {
  await run();
  console.log(JSON.stringify({ ok: true, ...seen }));
} catch (error) {
  const picture = await shoot(page, pictures ?? tmpdir(), 'operator-failed').catch(() => undefined);
  console.log(JSON.stringify({ ok: false, failed: doing, ...seen }));
  console.error(`failed to ${doing.replaceAll('_', ' ')}: ${error.message}`);
  for (const complaint of complaints) console.error(complaint);
  if (picture) console.error(`screenshot: ${picture}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
