// What came of a list, in a real browser against a running service: a case of an overdue entry says so and is rejected as misread; the
// page of yields counts it beside what the other vehicle's case ended with; a notice is seen, and a review is recorded.
//
// Needs STEELRING_URL, STEELRING_USER, STEELRING_PASSWORD (of a user who may act and change lists), STEELRING_LIST, and STEELRING_VRM, a
// mark of it with a new case; the list has two hits, one unit sent and one arrest. Takes CHROMIUM, SCREENSHOT_DIR and TIMEOUT_S. Exit
// code 1: something is not as it must be.

import { tmpdir } from 'node:os';
import { must, openBrowser, setting, shoot, signIn } from './browser.mjs';

const list = setting('STEELRING_LIST');
const vrm = setting('STEELRING_VRM');
const pictures = process.env.SCREENSHOT_DIR;
let doing = 'start the browser';

const { browser, page, complaints } = await openBrowser({ width: 1920, height: 1080 });
page.setDefaultTimeout(Number(process.env.TIMEOUT_S ?? 30) * 1_000);

async function run() {
  doing = 'sign in';
  await signIn(page, setting('STEELRING_URL'), setting('STEELRING_USER'), setting('STEELRING_PASSWORD'));

  doing = 'see on its case that the entry is overdue';
  await page.locator(`[data-testid=queue-row][data-vrm="${vrm}"]`).click();
  await page.locator('[data-testid=case-panel][data-state=new]').waitFor();
  const overdue = await page.getByTestId('overdue').innerText();
  must(/Overdue for review since/.test(overdue) && !/log-only/.test(overdue), `the case says ${overdue}`);
  await shoot(page, pictures, 'overdue-case');

  doing = 'reject it as misread';
  await page.keyboard.press('r');
  await page.keyboard.press('1');
  await page.keyboard.press('Enter');
  await page.locator('[data-testid=case-panel][data-state=rejected]').waitFor();

  doing = 'see what came of the list, with the keyboard';
  await page.getByTestId('tab-yield').focus();
  await page.keyboard.press('Enter');
  const row = page.locator(`[data-testid=list-yield][data-list="${list}"]`);
  await row.waitFor();
  const cell = async (name) => (await row.getByTestId(`yield-${name}`).innerText()).trim();
  for (const [name, expected] of Object.entries({ hits: '2', misreads: '1', sent: '1', results: '1', overdue: '2', reviewed: 'never' })) {
    must((await cell(name)) === expected, `${name}: ${await cell(name)}, not ${expected}`);
  }
  must((await row.getAttribute('data-fruitless')) === 'false', 'an arrest came of it');

  doing = 'see its entries';
  await row.getByTestId('yield-entries').click();
  await page.getByTestId('entry-yield').nth(1).waitFor();
  const ofEntries = await page.getByTestId('entry-results').allInnerTexts();
  must(ofEntries.toSorted().join() === '0,1', `one entry had a result, the page says ${ofEntries.join()}`);
  await shoot(page, pictures, 'yield');

  doing = 'say that the notice was seen';
  await page.locator(`[data-testid=notice][data-list="${list}"]`).getByTestId('notice-seen').click();
  await page.getByTestId('notices').waitFor({ state: 'detached' });

  doing = 'record a review with the keyboard';
  await row.getByTestId('yield-review').focus();
  await page.keyboard.press('Enter');
  await page.getByTestId('review-why').fill('checked with the owner: all still wanted');
  await page.keyboard.press('Enter');
  await page.getByTestId('yield-said').filter({ hasText: list }).waitFor();
  await row.getByTestId('yield-reviewed').filter({ hasText: 'by admin' }).waitFor();
  await row.getByTestId('yield-overdue').filter({ hasText: /^0$/ }).waitFor();

  doing = 'find the review in an entry’s history';
  await page.getByTestId('tab-hotlists').click();
  const listRow = page.locator(`[data-testid=list][data-list="${list}"]`);
  await listRow.getByRole('button', { name: 'Entries' }).click();
  await page.getByTestId('entry-open').first().click();
  await page.getByTestId('entry-reviews').filter({ hasText: 'with the whole list' }).waitFor();
  await shoot(page, pictures, 'entry-reviews');
  must(complaints.length === 0, complaints.join('; '));
}

try {
  await run();
} catch (error) {
  await shoot(page, pictures ?? tmpdir(), 'yield-failed').catch(() => undefined);
  console.error(JSON.stringify({ failed: doing, why: error.message, complaints }));
  process.exitCode = 1;
} finally {
  await browser.close();
}
