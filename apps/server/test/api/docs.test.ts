import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { complaintsOf, hasBrowser, openBrowser } from '../kit/browser.ts';
import { type Operation, readDocument } from '../kit/document.ts';
import { flawsOf } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

describe('/docs', () => {
  const stage = stageOn('embedded');
  const get = (path: string) => fetch(stage.postrider.url + path);

  test.each(['/docs', '/docs/', '/docs/json', '/docs/static/swagger-ui-bundle.js', '/docs/static/theme/page.js'])(
    '%s is there for anybody, with every protection a page can ask for',
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(200);
      const headers = Object.fromEntries(response.headers);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-request-id': expect.stringMatching(/^req_/),
      });
      expect(headers['content-security-policy']).toMatch(/default-src 'none'; .*frame-ancestors 'none'/);
      expect(headers['content-security-policy']).not.toMatch(/unsafe|https?:/);
    },
  );

  test('is written of the same document as /openapi.json', async () => {
    expect(await (await get('/docs/json')).json()).toEqual(await (await get('/openapi.json')).json());
  });

  test('has nothing else in it', async () => {
    for (const path of ['/docs/nothing', '/docs/static/nothing.js', '/docs/static/..%2findex.js']) {
      const reply = await stage.api.get(path);
      expect({ status: reply.status, flaws: flawsOf(reply) }, path).toEqual({ status: 404, flaws: [] });
    }
  });
});

describe.skipIf(!hasBrowser)('/docs in a browser', () => {
  const stage = stageOn('embedded');
  let browser: Browser;
  let operations: Operation[];

  beforeAll(async () => {
    browser = await openBrowser();
    const described = await readDocument(stage.api);
    operations = [...described.operations, ...described.ofSessions];
  });
  afterAll(() => browser.close());

  test.each(['light', 'dark'] as const)(
    'shows every operation, complains of nothing, and is %s for who likes it so',
    async (colorScheme) => {
      const context = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 900 } });
      const page = await context.newPage();
      const complaints = complaintsOf(page);
      const elsewhere: string[] = [];
      page.on('request', (request) => {
        if (!request.url().startsWith(stage.postrider.url) && !request.url().startsWith('data:'))
          elsewhere.push(request.url());
      });
      await page.goto(`${stage.postrider.url}/docs`);
      await page.locator('.opblock').first().waitFor();
      const shown = await page.locator('.opblock-summary-description').allTextContents();
      expect(shown.toSorted()).toEqual(operations.map(({ summary }) => summary).toSorted());

      await page.getByText('/v1/messages', { exact: true }).first().click();
      await page
        .locator('.opblock.is-open .parameters-container, .opblock.is-open .opblock-section-request-body')
        .first()
        .waitFor();
      const background = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      const [red = 0] = (background.match(/\d+/g) ?? []).map(Number);
      expect(red < 128, background).toBe(colorScheme === 'dark');
      if (process.env.POSTRIDER_TEST_SCREENSHOTS) {
        await page.screenshot({ path: `${process.env.POSTRIDER_TEST_SCREENSHOTS}/docs-${colorScheme}.png` });
      }
      expect(complaints).toEqual([]);
      expect(elsewhere).toEqual([]);
      await context.close();
    },
  );

  test('makes calls from the page, with a key that is typed in and not kept', async () => {
    const page = await browser.newPage();
    const complaints = complaintsOf(page);
    await page.goto(`${stage.postrider.url}/docs`);
    await page.getByRole('button', { name: 'Authorize' }).click();
    const apiKey = page.locator('.auth-container', { hasText: 'api_key' });
    await apiKey.getByRole('textbox').fill(stage.postrider.key);
    await apiKey.getByRole('button', { name: 'Apply' }).click();
    await apiKey.getByRole('button', { name: 'Close' }).click();
    const operation = page.locator('.opblock', { has: page.getByText('/v1/app', { exact: true }) }).first();
    await operation.click();
    await operation.getByRole('button', { name: 'Try it out' }).click();
    await operation.getByRole('button', { name: 'Execute' }).click();
    await operation.locator('.live-responses-table .response-col_status').getByText('200').waitFor();
    expect(await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie')).toBe('{}');
    if (process.env.POSTRIDER_TEST_SCREENSHOTS) {
      await page.screenshot({ path: `${process.env.POSTRIDER_TEST_SCREENSHOTS}/docs-call.png` });
      await page.evaluate('scrollTo(0, 0)');
      await page.screenshot({ path: `${process.env.POSTRIDER_TEST_SCREENSHOTS}/docs-top.png` });
    }
    expect(complaints).toEqual([]);
    await page.close();
  });
});
