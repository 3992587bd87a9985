import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/commands/all.ts';
import { type Command, CommandError } from '../../src/commands/command.ts';
import { runCommandLine } from '../../src/commands/command-line.ts';
import { readConfig, settingsInForce, unknownSettings } from '../../src/config.ts';

/** Runs a command line on these commands, and says what came of it. */
async function run(args: string[], commands: readonly Command[] = COMMANDS) {
  const output: string[] = [];
  const complaints: string[] = [];
  const code = await runCommandLine(args, commands, {
    config: () => readConfig({ POSTRIDER_PORT: 'http' }),
    print: (line) => output.push(line),
    complain: (line) => complaints.push(line),
  });
  return { code, output: output.join('\n'), complaints: complaints.join('\n') };
}

const told: unknown[] = [];
const command = (words: string): Command => ({
  words,
  summary: `does ${words}`,
  help: '',
  options: { name: { type: 'string' } },
  run: async ({ values }) => {
    told.push([words, values]);
    return 0;
  },
});
const some = [command('serve'), command('keys rewrap')];

test('no command is serve; a command is one word or more, and its options', async () => {
  for (const args of [[], ['serve'], ['keys', 'rewrap', '--name', 'x'], ['keys', 'rewrap', '--name=y']]) {
    expect(await run(args, some)).toMatchObject({ code: 0, complaints: '' });
  }
  expect(told).toEqual([
    ['serve', {}],
    ['serve', {}],
    ['keys rewrap', { name: 'x' }],
    ['keys rewrap', { name: 'y' }],
  ]);
});

test.each([['--help'], ['-h'], ['help']])('%s teaches all there is', async (word) => {
  const { code, output } = await run([word]);
  expect(code).toBe(0);
  for (const { words, summary } of COMMANDS) expect(output).toContain(`${words.padEnd(19)}  ${summary}`);
});

test.each(COMMANDS.map(({ words }) => [words]))('%s --help teaches that command, and runs nothing', async (words) => {
  for (const args of [
    [...words.split(' '), '--help'],
    ['help', ...words.split(' ')],
  ]) {
    const { code, output, complaints } = await run(args);
    expect({ code, complaints }).toEqual({ code: 0, complaints: '' });
    expect(output).toContain(`Usage: npm run postrider -- ${words}`);
  }
});

test.each([
  [['frobnicate'], 'there is no command "frobnicate"'],
  [['keys'], 'there is no command "keys"'],
  [['keys', 'rewrap', 'now'], 'there is no command "keys rewrap now"'],
  [['keys', 'rewrap', '--force'], "Unknown option '--force'; see npm run postrider -- keys rewrap --help"],
  [['environments', 'create'], '--name: 1 to 128 characters'],
  [['environments', 'create', '--name', 'x', '--mode', 'prod'], '--mode: live or test'],
  [['environments', 'create', '--name'], "Option '--name <value>' argument missing"],
])('%j is refused with 2 and a line that says why', async (args, reason) => {
  const { code, output, complaints } = await run(args);
  expect({ code, output }).toEqual({ code: 2, output: '' });
  expect(complaints.split('\n')[0]).toContain(reason);
});

test('a setting that cannot be, and what a command cannot do, are one line each and 1', async () => {
  expect(await run(['doctor'])).toMatchObject({
    code: 1,
    complaints: expect.stringMatching(/^postrider: POSTRIDER_PORT: .+$/),
  });
  const fails = (error: Error) => ({
    ...command('serve'),
    run: () => Promise.reject(error),
  });
  expect(await run([], [fails(new CommandError('not today'))])).toMatchObject({
    code: 1,
    complaints: 'postrider: not today',
  });
  expect((await run([], [fails(new Error('odd'))])).complaints).toBe('postrider: it went wrong: odd');
});

test('doctor knows every setting there is', () => {
  const source = readFileSync(new URL('../../src/config.ts', import.meta.url), 'utf8');
  const supported = new Set(source.match(/env\.POSTRIDER_\w+/g)?.map((each) => each.slice(4)));
  expect(
    settingsInForce(readConfig({}))
      .map(([name]) => name)
      .toSorted(),
  ).toEqual([...supported].toSorted());
});

test('what looks like a setting and is none is named; what is planned and not built is refused', () => {
  const env = {
    POSTRIDER_PORT: '1',
    POSTRIDER_LOGLEVEL: 'debug',
    POSTRIDER_TEST_SEED: '1',
    POSTRIDER_UNSET: undefined,
  };
  expect(unknownSettings(env)).toEqual(['POSTRIDER_LOGLEVEL']);
  for (const name of ['POSTRIDER_OIDC_ISSUER', 'POSTRIDER_SMTP_URL']) {
    expect(() => readConfig({ [name]: 'x' })).toThrow(`${name}: is not supported by this version`);
  }
});

test('doctor shows no secret', () => {
  const masterKey = Buffer.alloc(32, 'm').toString('base64');
  const text = JSON.stringify(
    settingsInForce(
      readConfig({
        POSTRIDER_MASTER_KEY: `${masterKey},${masterKey}`,
        POSTRIDER_BOOTSTRAP_API_KEY: `pr_live_${'k'.repeat(40)}`,
        POSTRIDER_DATABASE_URL: 'postgres://ann:hunter2@with:odd/characters@db.example:5432/x?password=hunter2',
      }),
    ),
  );
  for (const secret of [masterKey, 'kkkk', 'hunter2', 'odd']) expect(text).not.toContain(secret);
  for (const part of ['ann', 'db.example:5432/x', 'pr_live_', 'fingerprint']) expect(text).toContain(part);
});
