import { newId, publicId } from '../core/ids.ts';
import { PLANS, type Plan } from '../core/plan.ts';
import { insertAuditEntry } from '../store/audit.ts';
import { recordChange } from '../store/change.ts';
import { listEnvironments, setEnvironmentPlan } from '../store/environment.ts';
import { type Command, CommandError } from './command.ts';
import { onExistingDatabase } from './existing-database.ts';

const NAMES = Object.keys(PLANS) as Plan[];

export const environmentsPlan: Command = {
  words: 'environments plan',
  summary: 'Put an environment on another plan',
  help: `
Usage: npm run postrider -- environments plan --name NAME --plan ${NAMES.join('|')}

What its API keys may call in a minute and its applications may send in a month. No API key can change it. Running servers
know within two seconds; on the embedded database, stop the server first.

${NAMES.map((plan) => `  ${plan.padEnd(9)}  ${described(plan)}`).join('\n')}
`,
  options: { name: { type: 'string' }, plan: { type: 'string' } },
  async run({ config, values, print }) {
    const { name } = values;
    const plan = NAMES.find((each) => each === values.plan);
    if (typeof name !== 'string') throw new CommandError('--name: which environment', 2);
    if (!plan) throw new CommandError(`--plan: ${NAMES.join(' or ')}`, 2);
    const before = await onExistingDatabase(config(), (db) =>
      db.transaction(async (tx) => {
        const environment = (await listEnvironments(tx)).find((each) => each.name === name);
        if (!environment) throw new CommandError(`there is no environment ${name}`);
        const { id } = environment;
        await setEnvironmentPlan(tx, id, plan);
        await insertAuditEntry(tx, {
          ...{ id: newId(), environment_id: id, actor_kind: 'command', actor_id: null, request_id: null },
          ...{ action: 'environment.set_plan', subject: publicId('env', id), details: { plan } },
        });
        await recordChange(tx, { kind: 'environment', id });
        return environment.plan;
      }),
    );
    print(`${name}: ${plan} (was ${before}); ${described(plan)}`);
    return 0;
  },
};

function described(plan: Plan): string {
  const { requestsPerMinute, eventsPerMonth } = PLANS[plan];
  if (requestsPerMinute === null || eventsPerMonth === null) return 'no limits';
  return `${requestsPerMinute} calls of an API key in a minute, ${eventsPerMonth} messages of an application in a month`;
}
