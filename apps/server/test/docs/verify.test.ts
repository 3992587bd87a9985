import { beforeAll, describe, expect, test } from 'vitest';
import { answer, createEndpoint, type DirectAnswer } from '../kit/answers.ts';
import { stageOn } from '../kit/stage.ts';
import { type Case, casesOf } from './cases.ts';
import { isInstalled, LANGUAGES, type Scheme, verdictsOf } from './languages.ts';

const BRAND = 'Acme';
// What a parser and a printer on the way would change: order, spaces, 1.0, an escape that nobody needs, a long number.
const PAYLOAD = '{"z": 1.0, "a":"\\u00e9 é 💥", "n": 12345678901234567890, "s": " "}';

describe('the verification code in the docs', () => {
  const stage = stageOn('embedded');
  let cases: Case[];

  beforeAll(async () => {
    cases = [];
    for (const scheme of ['standard', 'ed25519', 'hmac-hex'] as const) cases.push(...(await deliveredCases(scheme)));
  });

  for (const language of LANGUAGES) {
    // Go compiles first.
    test.skipIf(!isInstalled(language))(
      `in ${language.name} takes what was delivered and nothing else`,
      { timeout: 240_000 },
      async () => {
        const own = cases.filter(({ request }) => language.schemes.includes(request.scheme));
        const verdicts = await verdictsOf(
          language,
          own.map(({ request }) => request),
        );
        const said = own.map(({ name, request, verdict }, n) => {
          const isRefused = verdict === 'refused' && verdicts[n] !== 'ok';
          return `${request.scheme}, ${name}: ${isRefused ? 'refused' : verdicts[n]}`;
        });
        expect(said).toEqual(own.map(({ name, request, verdict }) => `${request.scheme}, ${name}: ${verdict}`));
        expect(own.length).toBeGreaterThan(20 * language.schemes.length);
      },
    );
  }

  /** A delivery of this scheme, and another while its secret is being rotated. */
  async function deliveredCases(scheme: Scheme): Promise<Case[]> {
    const url = `${stage.receiver.url}/ok/${scheme}`;
    const made = await createEndpoint(stage.api, { url, signature: { scheme, brand: BRAND } });
    const first = await delivered(made.id);
    const rotate = stage.api.post(`/v1/endpoints/${made.id}/secret/rotate`, { overlap_hours: 1 });
    const rotated = await answer<Secret>(rotate, 200);
    const { headers, body } = await delivered(made.id);
    const inRotation = { scheme, brand: BRAND, headers, body: Buffer.from(body).toString('base64') };
    return [
      ...casesOf({ scheme, brand: BRAND, ...first, secret: made.secret }),
      ...[made, rotated].map(({ secret, public_key = '' }, n) => ({
        name: `as it came during a rotation, to who has the ${n === 0 ? 'old' : 'new'} secret`,
        request: { ...inRotation, secrets: [scheme === 'ed25519' ? public_key : secret] },
        verdict: 'ok',
      })),
    ];
  }

  async function delivered(endpointId: string) {
    const body = `{"destination":"${endpointId}","event_type":"invoice.paid","payload":${PAYLOAD}}`;
    const { message_id } = await answer<DirectAnswer>(stage.api.post('/v1/send', body), 202);
    const [received] = await stage.receiver.waitFor(({ webhookId }) => webhookId === message_id);
    if (!received) throw new Error('nothing came');
    expect(received.body).toBe(PAYLOAD);
    return { headers: received.headers, body: received.body };
  }
});

interface Secret {
  readonly secret: string;
  readonly public_key?: string;
}
