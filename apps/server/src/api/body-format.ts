import { Type } from 'typebox';

/** What is sent: of an environment, or of an endpoint in its place. */
export const BodyFormatSchema = Type.Union([Type.Literal('raw'), Type.Literal('event'), Type.Literal('standard')], {
  description:
    'What is sent. `raw`: the payload; `event`: `{"event_id","type","data":{"object":payload}}`; `standard`: ' +
    '`{"type","timestamp","data":payload}`',
});
