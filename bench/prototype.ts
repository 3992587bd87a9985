import { Book } from './figure.ts';
import { openHome } from './home.ts';
import { readOptions } from './options.ts';
import { bareCount } from './parts/bare.ts';
import { Stage } from './stage.ts';
import { median } from './statistics.ts';
import { publish, settled, WARM_UP } from './traffic.ts';
import { SECRET } from './workload.ts';

/**
 * The engine beside the least that delivers at all, in turn, on PostgreSQL: with libraries (children/prototype.ts), and on
 * bare sockets (children/floor.ts). What all the checks, the fairness and the history cost, and what is left to be had. `node scripts/launch.mjs bench/prototype.ts [--rounds N] [--deliveries N]`
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
    const engine = await stage.engine(home);
    const targets = Array.from({ length: fanout }, (_, n) => `${url}/ok/${n}`);
    for (const target of targets) await engine.call('POST', '/v1/endpoints', { url: target, secret: SECRET });
    const homes = [home];
    const contenders: Record<string, { url: string; key: string }> = { engine };
    const children = [];
    for (const name of ['prototype', 'floor']) {
      const own = await openHome(server);
      homes.push(own);
      const child = await stage.child(name);
      children.push(child);
      const databaseUrl = own.target.kind === 'postgresql' ? own.target.url : '';
      contenders[name] = { url: await child.ask<string>('start', { databaseUrl, targets }), key: '' };
    }

    const shares: Record<string, number[]> = {};
    const messages = Math.round(options.deliveries / fanout);
    const warmUp = Math.round(WARM_UP / fanout);
    for (const contender of Object.values(contenders)) {
      await publish({ engine: contender, receiver, load }, warmUp, fanout);
    }
    for (let round = 0; round < options.rounds; round++) {
      let before = await bareLoop.round(bareCount(stage));
      for (const [name, contender] of Object.entries(contenders)) {
        const perSecond = await publish({ engine: contender, receiver, load }, messages, fanout);
        if (name === 'engine') await settled(engine);
        const after = await bareLoop.round(bareCount(stage));
        shares[name] = [...(shares[name] ?? []), (2 * perSecond) / (before + after)];
        before = after;
      }
    }
    await engine.stop();
    for (const child of children) child.stop();
    for (const each of homes) await each.drop();
    for (const [name, values] of Object.entries(shares)) {
      const rounds = values.map((value) => value.toFixed(3)).join(', ');
      process.stdout.write(
        `fan-out ${fanout}, share of the bare loop: ${name} ${median(values).toFixed(3)} (${rounds})\n`,
      );
    }
  }
} finally {
  await stage.close();
}
