// Lists in a real browser against a running service: a file is dropped whose columns nobody knows until a person says what they hold,
// and is loaded and live; an operation with that list; a policy of four eyes, a file that is checked before it can be loaded, a draft that its author cannot
// authorise and a second person does, an entry that is changed by hand, and its history.
//
// Needs STEELRING_URL, STEELRING_USER, STEELRING_PASSWORD (an admin), STEELRING_SECOND and STEELRING_SECOND_PASSWORD (of another
// user who may change lists), and STEELRING_LIST, a list that is loaded; takes CHROMIUM, SCREENSHOT_DIR and TIMEOUT_S. Exit
// code 1: something is not as it must be.

import { must, openBrowser, setting, shoot, signIn } from './browser.mjs';

const address = setting('STEELRING_URL');
const list = setting('STEELRING_LIST');
const pictures = process.env.SCREENSHOT_DIR;
const timeout = Number(process.env.TIMEOUT_S ?? 30) * 1_000;
const FILE = 'vrm,grade,action,reason,expires_at,ref\nQX07LST,1,stop,stolen,,1\nABI2CDE,4,intelligence,seen,,2\n';
const FOREIGN = 'Car;Crime type;Sev\nAB07LST;theft of a van;2\n';
/** The list that the foreign file becomes. */
const TIPS = 'tips';
let doing = 'start the browser';

const first = await openBrowser({ width: 1600, height: 1200 });
const second = await first.browser.newContext({ viewport: { width: 1600, height: 1200 }, locale: 'en-GB' });
const author = first.page;
const other = await second.newPage();
for (const page of [author, other]) page.setDefaultTimeout(timeout);

const row = (page) => page.locator(`[data-testid=list][data-list="${list}"]`);

async function hotlists(page, user, password) {
  await signIn(page, address, user, password);
  await page.getByTestId('tab-hotlists').click();
  await row(page).waitFor();
}

/** The hour that is running and so many on, as an input of date and time takes it; the browser's clock is this machine's. */
function wholeHour(hours) {
  const at = new Date(Date.now() + hours * 3_600_000);
  const two = (number) => String(number).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:00`;
}

/** Drops a file as a person does who drags it over from a folder. */
async function drop(page, where, name, text) {
  const dataTransfer = await page.evaluateHandle(
    ([name, text]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], name, { type: 'text/csv' }));
      return transfer;
    },
    [name, text],
  );
  for (const event of ['dragover', 'drop']) await page.getByTestId(where).dispatchEvent(event, { dataTransfer });
}

async function run() {
  doing = 'say what unknown columns hold';
  await hotlists(author, setting('STEELRING_USER'), setting('STEELRING_PASSWORD'));
  await drop(author, 'load-drop', 'foreign.csv', FOREIGN);
  await author.getByTestId('load-name').fill(TIPS);
  await author.getByTestId('load-check').click();
  const mapping = author.getByTestId('mapping');
  await mapping.waitFor();
  const guessed = await mapping.locator('select').evaluateAll((fields) => fields.map((field) => field.value));
  must(guessed.join() === 'vrm,reason,', `the guess is ${guessed.join()}`);
  must(await author.getByTestId('load-send').isDisabled(), 'nothing can be loaded whose columns nobody has approved');
  await author.getByTestId('field-3').selectOption('vrm');
  must(await author.getByTestId('mapping-approve').isDisabled(), 'two columns cannot both hold the mark');
  await author.getByTestId('field-3').selectOption('grade');
  await mapping.scrollIntoViewIfNeeded();
  await shoot(author, pictures, 'lists-0-mapping');
  await author.getByTestId('mapping-approve').click();
  await author.getByTestId('checked-added').filter({ hasText: '1 added' }).waitFor();

  doing = 'load what was checked by its mapping';
  await author.getByTestId('load-send').click();
  await author.getByTestId('load-change').filter({ hasText: '1 added' }).waitFor();
  const tips = author.locator(`[data-testid=list][data-list="${TIPS}"]`);
  await tips.getByTestId('list-live').filter({ hasText: 'on every running matcher' }).waitFor();
  await tips.getByRole('button', { name: 'Entries' }).click();
  await author.getByText('theft of a van').waitFor();
  await shoot(author, pictures, 'lists-0-mapped');
  await tips.getByRole('button', { name: 'Entries' }).click();

  doing = 'make an operation of it';
  await author.getByTestId('tab-operations').click();
  const [from, to] = [wholeHour(0), wholeHour(24)];
  await author.getByTestId('operation-name').fill('tips-day');
  await author.getByTestId('operation-purpose').fill('what the public saw');
  await author.getByTestId('operation-starts').fill(from);
  await author.getByTestId('operation-ends').fill(to);
  await author.getByTestId(`operation-list-${TIPS}`).check();
  await author.getByTestId('operation-why').fill('as planned');
  await author.getByTestId('operation-put').click();
  const day = author.getByTestId('operations-running').locator('[data-operation=tips-day]');
  await day.getByTestId('operation-open').click();
  await author.getByTestId('operation-yield-row').last().filter({ hasText: 'All' }).waitFor();
  await shoot(author, pictures, 'lists-0-operation');

  doing = 'move it into the past and see which list is still live';
  const change = author.getByTestId('operation-change');
  must((await change.getByTestId('operation-starts').inputValue()) === from, 'the form shows the hour that was said');
  await change.getByTestId('operation-starts').fill(wholeHour(-24));
  await change.getByTestId('operation-ends').fill(wholeHour(-1));
  await change.getByTestId('operation-why').fill('it was yesterday');
  await change.getByTestId('operation-put').click();
  await author.getByTestId('operations-ended').getByTestId('operation-live').filter({ hasText: `Still live: ${TIPS}` }).waitFor();
  await shoot(author, pictures, 'lists-0-operation-over');
  await author.getByTestId('tab-hotlists').click();
  await row(author).waitFor();

  doing = 'set a policy';
  await row(author).getByTestId('list-policy').click();
  await author.getByTestId('policy-four-eyes').check();
  await author.getByTestId('policy-max-days').fill('365');
  await author.getByTestId('policy-set').click();
  await author.getByTestId('policy-said').filter({ hasText: 'Set.' }).waitFor();
  await row(author).getByTestId('list-policy').click();

  doing = 'check a file';
  await author.getByTestId('load-file').setInputFiles({ name: 'week.csv', mimeType: 'text/csv', buffer: Buffer.from(FILE) });
  must(await author.getByTestId('load-send').isDisabled(), 'nothing can be loaded that was not checked');
  await author.getByTestId('load-name').fill(list);
  await author.getByTestId('load-why').fill('the week of checks');
  await author.getByTestId('load-check').click();
  await author.getByTestId('checked').waitFor();
  const added = await author.getByTestId('checked-added').innerText();
  must(added.startsWith('2 added') && added.includes('QX07LST'), `the check says ${added}`);
  const suspicion = await author.getByTestId('suspicions').innerText();
  must(suspicion.includes('character 3'), `the suspicious rows are ${suspicion}`);
  await shoot(author, pictures, 'lists-1-checked');

  doing = 'load it as a draft';
  await author.getByTestId('load-send').click();
  await author.getByTestId('load-draft').waitFor();
  const draft = author.getByTestId('draft').first();
  await draft.waitFor();
  must(await draft.getByTestId('draft-authorise').isDisabled(), 'nobody authorises their own draft');

  doing = 'authorise it as a second person';
  await hotlists(other, setting('STEELRING_SECOND'), setting('STEELRING_SECOND_PASSWORD'));
  await other.getByTestId('draft').first().getByTestId('draft-why').fill('compared with the request');
  await shoot(other, pictures, 'lists-2-draft');
  await other.getByTestId('draft-authorise').first().click();
  await other.getByTestId('drafts-said').filter({ hasText: 'authorised' }).waitFor();
  await row(other).getByTestId('list-live').filter({ hasText: 'on every running matcher' }).waitFor();

  doing = 'change an entry by hand and read its history';
  await row(other).getByRole('button', { name: 'Entries' }).click();
  await other.getByTestId('entry-open').last().click();
  await other.getByTestId('entry-history').filter({ hasText: 'the week of checks' }).waitFor();
  await other.getByTestId('entry-owner').fill('FIB');
  await other.getByTestId('entry-colour').fill('RED');
  await other.getByTestId('entry-send').click();
  await author.getByTestId('draft').first().getByTestId('draft-authorise').click();
  await author.getByTestId('drafts-said').filter({ hasText: '1 changed' }).waitFor();
  await row(author).getByRole('button', { name: 'Entries' }).click();
  await author.getByTestId('entry-open').last().click();
  const history = author.getByTestId('entry-history');
  await history.waitFor();
  const told = (await history.innerText()).replaceAll(/\s+/g, ' ');
  must(told.includes('colour nothing → RED') && told.includes('authorised by'), `the history says ${told}`);
  await shoot(author, pictures, 'lists-3-history');
  must(first.complaints.length === 0, first.complaints.join('; '));
}

try {
  await run();
  console.log(JSON.stringify({ ok: true }));
} catch (error) {
  console.error(`could not ${doing}: ${error.message}`);
  await shoot(author, pictures, 'lists-failed-author');
  await shoot(other, pictures, 'lists-failed-second');
  process.exitCode = 1;
} finally {
  await first.browser.close();
}
