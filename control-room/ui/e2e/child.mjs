// A registered sex offender's car with a child in it, in a real browser against a running service, as three people: the operator is
// asked, answers with one key, and never sees why; the supervisor sees why with a reason, and closes the follow-up; the officer has
// the order on a phone, and reports a child in another car that nobody has read yet.
//
// Needs STEELRING_URL; STEELRING_OPERATOR, STEELRING_SUPERVISOR and STEELRING_OFFICER, each as NAME:PASSWORD; STEELRING_VRM, whose
// entry gives STEELRING_SECRET as its reason; and STEELRING_NEXT, the car that comes later. Takes CHROMIUM, SCREENSHOT_DIR and
// TIMEOUT_S. Prints one line of JSON. Exit code 1: something is not as it must be.

import { tmpdir } from 'node:os';
import { must, openBrowser, setting, shoot, signIn } from './browser.mjs';

const [address, vrm, secret, next] = ['URL', 'VRM', 'SECRET', 'NEXT'].map((name) => setting(`STEELRING_${name}`));
const person = (name) => setting(`STEELRING_${name}`).split(':');
const pictures = process.env.SCREENSHOT_DIR;
const patience = Number(process.env.TIMEOUT_S ?? 30) * 1_000;
const seen = {};
let doing = 'start the browser';

const { browser, page, complaints } = await openBrowser({ width: 1920, height: 1080 });
page.setDefaultTimeout(patience);
let shown = page;

const text = async (at) => (await at.innerText()).replaceAll(/\s+/g, ' ');

/** What is on the page now tells nobody why. */
async function tellsNothing(at) {
  const body = await text(at.locator('body'));
  for (const word of [secret, 'sex offender', 'RSO']) must(!body.includes(word), `${doing}: the page says ${word}`);
}

async function openCase(at) {
  const row = at.locator(`[data-testid=queue-row][data-vrm="${vrm}"]`);
  await row.waitFor();
  await row.click();
  await at.locator('[data-testid=case-panel][data-state]:not([data-state=""])').waitFor();
}

/** The map and the images take a moment. */
async function picture(at, name) {
  if (pictures) await at.waitForTimeout(2_500);
  await shoot(at, pictures, name);
}

async function operator() {
  doing = 'sign in as the operator';
  await signIn(page, address, ...person('OPERATOR'));
  await openCase(page);
  doing = 'be asked';
  const question = page.getByTestId('question');
  await question.waitFor();
  must((await question.getAttribute('data-answer')) === '', 'it is answered already');
  must(/child visible/.test(await text(question)), `the question is ${await text(question)}`);
  await tellsNothing(page);
  await picture(page, 'child-asked');
  doing = 'answer with one key';
  await page.keyboard.press('1');
  await page.locator('[data-testid=question][data-answer="seen"]').waitFor();
  await page.locator(`[data-testid=queue-row][data-vrm="${vrm}"][data-grade="1"]`).waitFor();
  await page.getByTestId('instruction').waitFor();
  seen.instruction = await text(page.getByTestId('instruction'));
  must(/Safeguard the child/.test(seen.instruction), `the instruction is ${seen.instruction}`);
  await page.getByTestId('seen-inside').getByText('Child seen').waitFor();
  await tellsNothing(page);
  await picture(page, 'child-seen');
  doing = 'ask why without being cleared';
  await page.keyboard.press('w');
  await page.getByTestId('notice').filter({ hasText: 'may not see why' }).waitFor();
  doing = 'send a unit';
  await page.keyboard.press('c');
  await page.locator('[data-testid=case-panel][data-state=confirmed]').waitFor();
  await page.keyboard.press('d');
  await page.keyboard.press('1');
  await page.locator('[data-testid=case-panel][data-state=deployed]').waitFor();
  const sent = page.locator(`[data-testid=queue-row][data-vrm="${vrm}"] .state strong`);
  seen.unit = (await sent.first().innerText()).trim();
  await page.getByTestId('sign-out').click();
  await page.getByTestId('signin-username').waitFor();
}

async function supervisor() {
  doing = 'sign in as the supervisor';
  await signIn(page, address, ...person('SUPERVISOR'));
  const call = page.getByTestId('call');
  await call.waitFor();
  seen.call = await text(call);
  must(/Knowsley (sex-offender|family crime investigation) unit/.test(seen.call), `the call says ${seen.call}`);
  await openCase(page);
  await page.getByTestId('restricted').waitFor();
  must(!(await text(page.getByTestId('case-panel'))).includes(secret), 'the reason is shown unasked');
  doing = 'ask why';
  await page.keyboard.press('w');
  await page.getByTestId('why-safeguarding').waitFor();
  await picture(page, 'child-why-asked');
  await page.keyboard.press('1');
  await page.locator('[data-testid=restricted][data-whole=yes]').getByText(secret).waitFor();
  await picture(page, 'child-why');
  doing = 'leave and come back';
  await page.getByTestId('tab-follow-ups').click();
  const left = page.getByTestId('follow-up');
  await left.waitFor();
  await picture(page, 'child-follow-up');
  await page.getByTestId('follow-up-note').fill('referred to children’s services');
  await page.getByTestId('follow-up-close').click();
  await left.waitFor({ state: 'detached' });
  await page.getByTestId('follow-ups-all').check();
  await left.filter({ hasText: 'referred to children' }).waitFor();
}

async function officer() {
  doing = 'sign in on a phone';
  const phone = await browser.newPage({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, locale: 'en-GB' });
  phone.setDefaultTimeout(patience);
  phone.on('pageerror', (error) => complaints.push(`phone: ${error.message}`));
  shown = phone;
  const [name, password] = person('OFFICER');
  await phone.goto(address, { waitUntil: 'domcontentloaded' });
  await phone.getByTestId('signin-username').fill(name);
  await phone.getByTestId('signin-password').fill(password);
  await phone.getByTestId('signin-submit').click();
  doing = 'see the order';
  await phone.getByTestId('unit').selectOption(seen.unit);
  const order = phone.getByTestId('order');
  await order.waitFor();
  must((await order.getAttribute('data-grade')) === '1', 'the order is not grade 1');
  must(/Safeguard the child/.test(await text(order)), 'the order does not say what to do');
  must((await text(order)).includes('violent'), 'the order does not warn');
  await tellsNothing(phone);
  const wide = await phone.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  must(!wide, 'the page is wider than the phone');
  await picture(phone, 'phone-order');
  doing = 'report what is in another car';
  await phone.getByTestId('check-vrm').fill(next.toLowerCase());
  await phone.getByTestId('check-seen').click();
  await phone.getByTestId('check-occupants').fill('2');
  await phone.getByTestId('check-send').scrollIntoViewIfNeeded();
  await shoot(phone, pictures, 'phone-form');
  await phone.getByTestId('check-send').click();
  await phone.getByTestId('check-said').filter({ hasText: next }).waitFor();
  await shoot(phone, pictures, 'phone-sent');
  shown = page;
}

try {
  await operator();
  await supervisor();
  await officer();
  must(complaints.length === 0, complaints.join('; '));
  console.log(JSON.stringify(seen));
} catch (error) {
  await shoot(shown, pictures ?? tmpdir(), 'child-failed').catch(() => undefined);
  console.error(JSON.stringify({ failed: doing, why: error.message, complaints, seen }));
  process.exitCode = 1;
} finally {
  await browser.close();
}
