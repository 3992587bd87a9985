import { expect, test } from 'vitest';
import { answer } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('the organization', (kind) => {
  const stage = stageOn(kind);

  test('is shown with all its environments, and renamed', async () => {
    const shown = await answer<{ id: string; name: string }>(stage.api.get('/v1/organization'), 200);
    const id = expect.stringMatching(/^env_\w{26}$/);
    expect(shown).toEqual({
      id: expect.stringMatching(/^org_\w{26}$/),
      name: 'My organization',
      environments: [
        { id, name: 'Production', mode: 'live' },
        { id, name: 'Test', mode: 'test' },
      ],
      created_at: expect.stringMatching(/Z$/),
    });
    const renamed = await answer<object>(stage.api.patch('/v1/organization', { name: 'Acme' }), 200);
    expect(renamed).toEqual({ ...shown, name: 'Acme' });
    expect(await answer<object>(stage.api.get('/v1/organization'), 200)).toEqual(renamed);
    const { organization } = await answer<{ organization: object }>(stage.api.get('/v1/environment'), 200);
    expect(organization).toEqual({ id: shown.id, name: 'Acme' });
  });

  test('has a name', async () => {
    for (const name of ['', 'x'.repeat(257), 1, null]) {
      await refusal(stage.api.patch('/v1/organization', { name }), 'validation_failed');
    }
  });
});
