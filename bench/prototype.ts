import { Book } from './figure.ts';
import { openHome } from './home.ts';
import { readOptions } from './options.ts';
import { bareCount } from './parts/bare.ts';
import { Stage } from './stage.ts';
import { median } from './statistics.ts';
import { publish, settled, WARM_UP } from './traffic.ts';
import { SECRET } from './workload.ts';

/**
 * The engine beside the least that delivers at all (children/prototype.ts), in turn, on PostgreSQL: what all the checks,
 * the fairness and the history cost. `node scripts/launch.mjs bench/prototype.ts [--rounds N] [--deliveries N]`
 */
const options = readOptions(process.argv.slice(2));
if (!options) throw new Error('takes --rounds and --deliveries');
const stage = new Stage(options, new Book(), (line) => process.stderr.write(`${line}\n`));
try {
  const server = await stage.server();
  const { receiver, load } = await stage.players();
  const url = await receiver.ask<string>('url');
  const bareLoop = await stage.bareLoop();
  for (const fanout of [1, 5]) {
    const home = await openHome(server);
    const prototypeHome = await openHome(server);
    const engine = await stage.engine(home);
    const targets = Array.from({ length: fanout }, (_, n) => `${url}/ok/${n}`);
    for (const target of targets) await engine.call('POST', '/v1/endpoints', { url: target, secret: SECRET });
    const child = await stage.child('prototype');
    const databaseUrl = prototypeHome.target.kind === 'postgresql' ? prototypeHome.target.url : '';
    const prototype = { url: await child.ask<string>('start', { databaseUrl, targets }), key: '' };

    const shares: Record<'engine' | 'prototype', number[]> = { engine: [], prototype: [] };
    const messages = Math.round(options.deliveries / fanout);
    const warmUp = Math.round(WARM_UP / fanout);
    await publish({ engine, receiver, load }, warmUp, fanout);
    await publish({ engine: prototype, receiver, load }, warmUp, fanout);
    for (let round = 0; round < options.rounds; round++) {
      const before = await bareLoop.round(bareCount(stage));
      const ofEngine = await publish({ engine, receiver, load }, messages, fanout);
      await settled(engine);
      const between = await bareLoop.round(bareCount(stage));
      const ofPrototype = await publish({ engine: prototype, receiver, load }, messages, fanout);
      const after = await bareLoop.round(bareCount(stage));
      shares.engine.push((2 * ofEngine) / (before + between));
      shares.prototype.push((2 * ofPrototype) / (between + after));
    }
    await engine.stop();
    child.stop();
    for (const each of [home, prototypeHome]) await each.drop();
    const shown = (values: number[]) => `${median(values).toFixed(3)} (${values.map((v) => v.toFixed(3)).join(', ')})`;
    process.stdout.write(
      `fan-out ${fanout}, shares of the bare loop: engine ${shown(shares.engine)}, prototype ${shown(shares.prototype)}\n`,
    );
  }
} finally {
  await stage.close();
}
