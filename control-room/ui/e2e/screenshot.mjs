// A picture of the page for the README: signs in, waits for cases and map, selects the first case.
//
// Needs STEELRING_URL, STEELRING_USER, STEELRING_PASSWORD; takes OUT (file), WAIT_S, SIZE (1920x1080), PAGE (live,
// hotlists, audit), KEYS (pressed one after another once the case is open) and CHROMIUM.

import { openBrowser, setting, signIn } from './browser.mjs';

const [width, height] = setting('SIZE', '1920x1080').split('x').map(Number);
const wait = Number(process.env.WAIT_S ?? 5) * 1_000;
const where = process.env.PAGE ?? 'live';
const { browser, page, complaints } = await openBrowser({ width, height });
try {
  await signIn(page, setting('STEELRING_URL'), setting('STEELRING_USER'), setting('STEELRING_PASSWORD'));
  if (where === 'live') {
    const row = page.getByTestId('queue-row').first();
    await row.waitFor();
    if (width > 720) await page.locator('[data-testid=map][data-ready=true]').waitFor();
    await page.waitForTimeout(wait);
    await page.keyboard.press('j');
    await page.locator('[data-testid=case-panel]:not([data-case-id=""])').waitFor();
    for (const key of process.env.KEYS?.split(' ').filter(Boolean) ?? []) {
      await page.keyboard.press(key);
      await page.waitForTimeout(1_200);
    }
    await page.waitForTimeout(2_000);
  } else {
    await page.getByTestId(`tab-${where}`).click();
    await page.waitForTimeout(wait);
  }
  await page.screenshot({ path: setting('OUT', 'screenshot.png') });
  for (const complaint of complaints) console.error(complaint);
} finally {
  await browser.close();
}
