import { expect, test } from 'vitest';
import { createEndpoint } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('a signature setting', (kind) => {
  const stage = stageOn(kind);
  const url = 'https://example.com/hook';

  test.each([
    [{ scheme: 'standard', id_header: 'X-Id', timestamp_header: 'X-Time', signature_header: 'X-Sign' }],
    [{ scheme: 'ed25519', id_header: 'Webhook-Id' }],
    [{ scheme: 'hmac-hex', brand: 'A' }],
    [{ scheme: 'hmac-hex', signature_header: 'webhook-signature' }],
  ])('%j is taken, and shown as it was given', async (signature) => {
    expect((await createEndpoint(stage.api, { url, signature })).signature).toEqual(signature);
  });

  test.each([
    ['/signature/scheme', { scheme: 'hmac' }],
    ['/signature', { brand: 'Acme' }],
    ['/signature/brand', { scheme: 'hmac-hex', brand: 'A B' }],
    ['/signature/brand', { scheme: 'hmac-hex', brand: '-' }],
    ['/signature/brand', { scheme: 'hmac-hex', brand: 'Amz-1' }],
    ['/signature/id_header', { scheme: 'standard', id_header: 'Content-Type' }],
    ['/signature/id_header', { scheme: 'standard', id_header: 'svix-id' }],
    ['/signature/timestamp_header', { scheme: 'ed25519', timestamp_header: 'a b' }],
    ['/signature/signature_header', { scheme: 'standard', signature_header: 'Authorization' }],
    ['/signature', { scheme: 'standard', id_header: 'Webhook-Signature' }],
    ['/signature', { scheme: 'hmac-hex', brand: 'Acme', id_header: 'x-acme-timestamp' }],
    ['/signature', { scheme: 'standard', id_header: 'X-A', timestamp_header: 'x-a' }],
  ])('is refused at %s: %j', async (path, signature) => {
    const { errors } = await refusal(stage.api.post('/v1/endpoints', { url, signature }), 'validation_failed');
    expect(errors?.map((error) => error.path)).toContain(path);
  });
});
