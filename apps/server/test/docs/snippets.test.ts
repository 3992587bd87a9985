import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEndpoint, sendTo, settled } from '../kit/answers.ts';
import { fixedPort } from '../kit/server-process.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';
import { VERIFY_FOLDER } from './languages.ts';
import { type Block, blocksOf, pages } from './pages.ts';

const hasCurl = spawnSync('curl', ['--version']).status === 0;

/** Those that call the API: others install or start something. */
const calls = pages()
  .map(
    (page) =>
      [page.name, blocksOf(page).filter(({ language, text }) => language === 'sh' && text.includes('/v1/'))] as const,
  )
  .filter(([, blocks]) => blocks.length > 0);

describe('what the docs say to type', () => {
  const stage = stageOn('embedded');
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'postrider-docs-'));
    // curl shrugs at a refusal unless told.
    writeFileSync(join(folder, '.curlrc'), 'fail-with-body\n');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.skipIf(!hasCurl).each(calls)('in %s works', async (_, blocks) => {
    const { id } = await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok`, events: ['nothing'] });
    await stage.api.post('/v1/app', { uid: 'acme', name: 'Acme' });
    for (const block of blocks) await run(block, id);
  });

  test('in signing.md makes a receiver that verifies', async () => {
    const [page] = pages().filter(({ name }) => name.endsWith('signing.md'));
    const code = page && blocksOf(page).find(({ language, note }) => language === 'js' && note === '');
    cpSync(VERIFY_FOLDER, join(folder, 'verify'), { recursive: true });
    writeFileSync(join(folder, 'receiver.mjs'), code?.text ?? '');
    const port = await fixedPort();
    const url = `http://127.0.0.1:${port}/`;
    const { id, secret } = await createEndpoint(stage.api, { url, events: ['nothing'], retry_policy: [] });
    const env = { ...process.env, PORT: String(port), WEBHOOK_SECRET: secret };
    const receiver = spawn(process.execPath, [join(folder, 'receiver.mjs')], { env, stdio: 'inherit' });
    try {
      await until(
        () =>
          fetch(url, { method: 'POST' }).then(
            ({ status }) => status,
            () => 0,
          ),
        (status) => status === 401,
      );
      const delivery = await settled(stage.api, await sendTo(stage.api, id));
      expect(delivery).toMatchObject({ status: 'SENT', last_status_code: 204 });
    } finally {
      receiver.kill();
    }
  });

  async function run({ text, note }: Block, endpoint: string): Promise<void> {
    const here = text.replaceAll('http://127.0.0.1:4400', stage.postrider.url);
    const script = here.replaceAll('http://127.0.0.1:4401', stage.receiver.url);
    const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
      env: { PATH: process.env.PATH, CURL_HOME: folder, KEY: stage.postrider.key, ENDPOINT: endpoint },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      output += part;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    const refused = /^refused: (\w+)$/.exec(note)?.[1];
    expect(code === 0, `${text}\n${output}`).toBe(refused === undefined);
    if (refused) expect(JSON.parse(output)).toMatchObject({ code: refused });
    expect(output).toContain('{');
  }
});
