export type { Answer, Behaviour, BehaviourRequest, Reply } from './behaviours/behaviour.ts';
export { type Canary, startCanary } from './canary.ts';
export type { HostileName } from './hostile/table.ts';
export type { Counts, Match, Wanted } from './journal.ts';
export { printable } from './printable.ts';
export { type Receiver, type ReceiverOptions, startReceiver } from './receiver.ts';
export type { ReceivedRequest, RecordMode, Verdict } from './record.ts';
export type { TlsUrls } from './tls/servers.ts';
export type { Signing } from './trust.ts';
