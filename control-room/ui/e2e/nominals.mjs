// A person, their marker and their vehicle, in a real browser against a running service, as an intelligence unit: `link` adds all
// three, `unlink` sees the vehicle's case name the person, takes the vehicle off them, and sees the case go.
//
// Needs STEELRING_URL, STEELRING_USER, STEELRING_PASSWORD (of somebody who may change lists), STEELRING_VRM, STEELRING_NOMINAL and
// STEELRING_STEP; takes CHROMIUM, SCREENSHOT_DIR and TIMEOUT_S. Exit code 1: something is not as it must be.

import { must, openBrowser, setting, shoot, signIn } from './browser.mjs';

const vrm = setting('STEELRING_VRM');
const reference = setting('STEELRING_NOMINAL');
const step = setting('STEELRING_STEP');
const pictures = process.env.SCREENSHOT_DIR;
let doing = 'start the browser';

const { browser, page, complaints } = await openBrowser({ width: 1920, height: 1080 });
page.setDefaultTimeout(Number(process.env.TIMEOUT_S ?? 30) * 1_000);

const said = (text) => page.getByTestId('nominal-said').filter({ hasText: text }).waitFor();

async function link() {
  doing = 'open a person who is not known yet';
  await page.getByTestId('tab-nominals').click();
  await page.getByTestId('nominal-new').fill(reference);
  await page.keyboard.press('Enter');

  doing = 'be refused without a reason';
  await page.getByTestId('nominal-put').click();
  await page.getByTestId('nominal-trouble').filter({ hasText: 'Say why' }).waitFor();

  doing = 'add the person with the keyboard';
  await page.getByTestId('nominal-why').fill('ViSOR');
  await page.getByTestId('nominal-name').fill('John Doe');
  await page.getByTestId('marker-registered_sex_offender').focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Tab');
  await page.keyboard.type('MAPPA level 2');
  await page.keyboard.press('Enter');
  await said('Version 1');

  doing = 'link the vehicle';
  await page.getByTestId('nominal-why').fill('register checked');
  await page.getByTestId('link-vrm').fill(vrm);
  await page.getByTestId('link-source').fill('register');
  await page.getByTestId('link-grading').fill('B23');
  await page.keyboard.press('Enter');
  await said('1 more');
  await page.getByTestId('nominal-link').filter({ hasText: vrm }).waitFor();
  await shoot(page, pictures, 'nominal');
}

async function unlink() {
  doing = 'see the person on the vehicle’s case, with a reason';
  const row = page.locator(`[data-testid=queue-row][data-vrm="${vrm}"]`);
  await row.click();
  await page.getByTestId('restricted').waitFor();
  must(!(await page.content()).includes(reference), 'the case names the person unasked');
  await page.keyboard.press('w');
  await page.getByTestId('why-data_quality').click();
  await page.getByText(`${reference} (keeper)`).waitFor();
  must(!(await page.content()).includes('John Doe'), 'the case names the person');
  await shoot(page, pictures, 'nominal-case');

  doing = 'take the vehicle off the person';
  await page.getByTestId('tab-nominals').click();
  await page.getByTestId('nominals-vrm').fill(vrm);
  await page.keyboard.press('Enter');
  await page.locator(`[data-testid=nominal-row][data-reference="${reference}"]`).getByRole('button').click();
  await page.getByTestId('nominal-why').fill('sold');
  await page.getByRole('button', { name: `Unlink ${vrm}` }).click();
  await said('1 fewer');

  doing = 'see the case go';
  await page.getByTestId('tab-live').click();
  await page.getByTestId('queue').waitFor();
  await row.waitFor({ state: 'detached' });
}

try {
  doing = 'sign in';
  await signIn(page, setting('STEELRING_URL'), setting('STEELRING_USER'), setting('STEELRING_PASSWORD'));
  await (step === 'link' ? link() : unlink());
  // A reference that nobody had yet is asked for, and is not there.
  const wrong = complaints.filter((complaint) => !/status of 404/.test(complaint));
  must(wrong.length === 0, wrong.join('; '));
} catch (error) {
  console.error(`while trying to ${doing}: ${error.message}`);
  await shoot(page, pictures, `nominals-failed-${step}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
