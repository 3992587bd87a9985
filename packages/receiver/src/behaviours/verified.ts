import { type Behaviour, OK } from './behaviour.ts';

/** `/verified`: what a careful customer does, 200 for a request signed by a trusted secret and 401 for any other. */
export const verified: Behaviour = ({ verdict }) => {
  if (verdict?.verified) return OK;
  return { status: 401, body: `${verdict?.reason ?? 'not looked at: the record mode is none'}\n` };
};
