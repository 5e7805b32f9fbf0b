// What both scripts need: settings, a browser that draws the map in software, signing in.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/** A setting from the environment; the script stops with its name where it is missing. */
export function setting(name, fallback) {
  const value = process.env[name] ?? fallback;
  if (value === undefined || value === '') {
    console.error(`set ${name}`);
    process.exit(2);
  }
  return value;
}

/** Ends the script's job with what is not as it must be. */
export function must(holds, what) {
  if (!holds) throw new Error(what);
}

export async function openBrowser(viewport) {
  const browser = await chromium.launch({
    executablePath: setting('CHROMIUM', '/usr/bin/chromium'),
    // Containers run as root, without a graphics card, and with a small /dev/shm.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  });
  const page = await browser.newPage({ viewport, locale: 'en-GB' });
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`));
  page.on('console', (message) => {
    // The first question who is signed in, and a refused command or file, are answers and no faults.
    const expected = /status of (401|409|422)/.test(message.text()) || /GL Driver Message/.test(message.text());
    if (message.type() === 'error' && !expected) complaints.push(`console: ${message.text()}`);
  });
  return { browser, page, complaints };
}

export async function signIn(page, address, user, password) {
  await page.goto(address, { waitUntil: 'domcontentloaded' });
  await page.getByTestId('signin-username').fill(user);
  await page.getByTestId('signin-password').fill(password);
  await page.getByTestId('signin-submit').click();
  await page.getByTestId('queue').or(page.getByTestId('signin-trouble').filter({ hasText: /./ })).first().waitFor();
  const trouble = page.getByTestId('signin-trouble');
  if (await trouble.isVisible()) throw new Error(`sign-in was refused: ${await trouble.innerText()}`);
}

export async function shoot(page, directory, name) {
  if (!directory) return undefined;
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${name}.png`);
  await page.screenshot({ path });
  return path;
}
