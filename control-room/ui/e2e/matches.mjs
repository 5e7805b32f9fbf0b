// Cases that are no plain exact matches, in a real browser against a running service: the page must say so in the queue
// and in the case, say why, and ask for the image to be compared before anybody is sent.
//
// Needs STEELRING_URL, STEELRING_USER, STEELRING_PASSWORD, and the wanted marks of new cases: STEELRING_MISREAD (of which
// one character was read as another), STEELRING_CLONE (read at two places at once), STEELRING_PAST (read before it was
// listed); takes CHROMIUM, SCREENSHOT_DIR and TIMEOUT_S. Prints one line of JSON. Exit code 1: something is not as it must be.

import { tmpdir } from 'node:os';
import { must, openBrowser, setting, shoot, signIn } from './browser.mjs';

const marks = { misread: setting('STEELRING_MISREAD'), clone: setting('STEELRING_CLONE'), past: setting('STEELRING_PAST') };
const pictures = process.env.SCREENSHOT_DIR;
const seen = {};
let doing = 'start the browser';

const { browser, page, complaints } = await openBrowser({ width: 1920, height: 1080 });
page.setDefaultTimeout(Number(process.env.TIMEOUT_S ?? 30) * 1_000);

const panel = page.getByTestId('case-panel');
const rowOf = (kind) => page.locator(`[data-testid=queue-row][data-vrm="${marks[kind]}"]`);
const text = async (within, testid) => (await within.getByTestId(testid).innerText()).replaceAll(/\s+/g, ' ');

/** Opens a case by its row, which must have the sign of its kind and no other's. */
async function open(kind) {
  doing = `open the ${kind} case`;
  const row = rowOf(kind);
  await row.waitFor();
  seen[kind] = { row: await text(row, `match-${kind}`) };
  const signs = await row.locator('[data-testid^=match-]').count();
  must(signs === 1, `the row of the ${kind} case has ${signs} signs`);
  await row.click();
  await panel.and(page.locator(`[data-case-id="${await row.getAttribute('data-case-id')}"]`)).waitFor();
  seen[kind].head = await text(panel, `match-${kind}`);
  // A machine without a graphics card draws the map slowly.
  if (pictures) await page.waitForTimeout(3_000);
  await shoot(page, pictures, `match-${kind}`);
  return row;
}

async function misread() {
  const row = await open('misread');
  doing = 'understand a misread';
  for (const [where, what] of [[row, 'row'], [panel.locator('header'), 'head']]) {
    const differing = await where.locator('mark').allInnerTexts();
    must(differing.length === 2 && differing[0] !== differing[1], `the ${what} marks ${differing.join(', ')} and not one character in each mark`);
    seen.misread[`${what}_marks`] = differing;
  }
  must(/^≈ Not exact (over )?\d+ % this car/.test(seen.misread.head), `the head says ${seen.misread.head}`);
  seen.misread.compare = await text(panel, 'compare-mark');
  must(seen.misread.compare.includes('1 differ'), `the comparison says ${seen.misread.compare}`);
  const reasons = panel.locator('[data-testid^=reason-]');
  must(await reasons.first().isVisible(), 'why it may be the car must lie open');
  seen.misread.reasons = (await reasons.allInnerTexts()).map((line) => line.replaceAll(/\s+/g, ' '));
  const [listed, read] = seen.misread.row_marks;
  must(seen.misread.reasons[0].includes(`${read} read for ${listed}`), `the first reason is ${seen.misread.reasons[0]}`);
  await panel.getByText('In figures').click();
  await panel.getByText(/ to 1 (for|against) this car/).waitFor();

  doing = 'confirm a misread';
  seen.misread.care = await text(panel, 'care');
  must(seen.misread.care.includes('compare the image with the wanted mark'), `before confirming the page says ${seen.misread.care}`);
  must(await page.getByTestId('cmd-deploy').isDisabled(), 'nobody is sent before the image was compared');
  await page.keyboard.press('c');
  await page.locator('[data-testid=case-panel][data-state=confirmed]').waitFor();
  must((await panel.getByTestId('care').count()) === 0, 'what was confirmed needs no more care');
  must(await page.getByTestId('cmd-deploy').isEnabled(), 'a unit can be sent now');
}

async function clone() {
  await open('clone');
  doing = 'understand a cloned plate';
  seen.clone.journey = await text(panel, 'journey');
  must(/ km in .+: [\d,]+ km\/h/.test(seen.clone.journey), `the journey is told as ${seen.clone.journey}`);
  const places = await panel.getByTestId('journey').locator('li').allInnerTexts();
  must(places.length === 2 && new Set(places).size === 2, `the two places are ${places.join(' and ')}`);
}

async function past() {
  await open('past');
  doing = 'understand a past read';
  must(/seen .+ ago at .+, before it was listed/.test(seen.past.head), `the head says ${seen.past.head}`);
}

try {
  doing = 'sign in';
  await signIn(page, setting('STEELRING_URL'), setting('STEELRING_USER'), setting('STEELRING_PASSWORD'));
  await clone();
  await past();
  await misread();
  must(complaints.length === 0, complaints.join('; '));
  console.log(JSON.stringify({ ok: true, ...seen }));
} catch (error) {
  const picture = await shoot(page, pictures ?? tmpdir(), 'matches-failed').catch(() => undefined);
  console.log(JSON.stringify({ ok: false, failed: doing, ...seen }));
  console.error(`failed to ${doing}: ${error.message}`);
  for (const complaint of complaints) console.error(complaint);
  if (picture) console.error(`screenshot: ${picture}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
