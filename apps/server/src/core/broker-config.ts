import { type BrokerConfig, type BrokerForm, type ConfigField, isSecretField } from './broker/form.ts';
import { MASK } from './mask.ts';

/** What a caller sends: null takes a field out. */
export type ConfigInput = Readonly<Record<string, string | number | boolean | null>>;

/** `field` is empty for a fault of none in particular. */
export interface ConfigError {
  readonly field: string;
  readonly message: string;
}

export type CheckedConfig =
  | { readonly ok: true; readonly config: BrokerConfig }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

const MAX_TEXT = 2_048;
const MAX_MULTILINE = 16_384;

/**
 * A config with what a caller wants of it: field by field, the rest stays. A secret that is given as its mask stays too.
 *
 * @param stored null where it is a new one.
 */
export function mergeConfig(form: BrokerForm, stored: BrokerConfig | null, input: ConfigInput): CheckedConfig {
  const errors: ConfigError[] = [];
  const config: Record<string, string | number | boolean> = { ...stored };
  const fields = new Map(form.fields.map((field) => [field.name, field]));
  for (const [name, value] of Object.entries(input)) {
    const field = fields.get(name);
    const isKept = field && isSecretField(field) && value === MASK;
    if (!field) errors.push({ field: name, message: 'is not a known field' });
    else if (value === null) delete config[name];
    else if (!isKept) config[name] = value;
    else if (stored?.[name] === undefined) errors.push({ field: name, message: 'is a mask, and no secret' });
  }
  errors.push(...form.fields.flatMap((field) => errorOf(field, config[field.name])));
  if (errors.length === 0) errors.push(...(form.check?.(config) ?? []).map(([field, message]) => ({ field, message })));
  if (errors.length === 0 && stored) errors.push(...unprovenSecrets(form, stored, config, input));
  return errors.length > 0 ? { ok: false, errors } : { ok: true, config };
}

/**
 * What is shown of a config: fields in their order, secrets masked.
 */
export function maskConfig(form: BrokerForm, config: BrokerConfig): BrokerConfig {
  return Object.fromEntries(
    form.fields.flatMap((field) => {
      const value = config[field.name];
      return value === undefined ? [] : [[field.name, isSecretField(field) ? MASK : value]];
    }),
  );
}

/** Values of a config that nobody may read. */
export function secretsOf(form: BrokerForm, config: BrokerConfig): string[] {
  return form.fields
    .filter(isSecretField)
    .map(({ name }) => config[name])
    .filter((value) => typeof value === 'string')
    .concat(form.secretsWithin?.(config) ?? []);
}

/** A field by which a config leads to another place than before. */
export function movedField({ fields }: BrokerForm, before: BrokerConfig, after: BrokerConfig): ConfigField | undefined {
  return fields.find(({ name, isPlace }) => isPlace && after[name] !== before[name]);
}

/**
 * A secret cannot be read through the API. Sent to another server than it was given for, it could be: so whoever changes
 * where a config leads has to know its secrets.
 */
function unprovenSecrets(
  form: BrokerForm,
  stored: BrokerConfig,
  config: BrokerConfig,
  input: ConfigInput,
): ConfigError[] {
  const moved = movedField(form, stored, config);
  if (!moved) return [];
  return form.fields
    .filter((field) => isSecretField(field) && config[field.name] !== undefined)
    .filter(({ name }) => (input[name] ?? MASK) === MASK)
    .map(({ name }) => ({ field: name, message: `is to be given anew, as ${moved.name} has changed` }));
}

function errorOf(field: ConfigField, value: string | number | boolean | undefined): ConfigError[] {
  const message = value === undefined ? (field.isRequired ? 'is required' : null) : faultOf(field, value);
  return message === null ? [] : [{ field: field.name, message }];
}

function faultOf(field: ConfigField, value: string | number | boolean): string | null {
  if (field.kind === 'boolean') return typeof value === 'boolean' ? null : 'must be true or false';
  if (typeof value !== 'string') return 'must be text';
  if (field.kind === 'choice') {
    return field.choices.includes(value) ? null : `must be one of ${field.choices.join(', ')}`;
  }
  const isMultiline = field.kind === 'multiline' || field.kind === 'multiline_secret';
  const max = isMultiline ? MAX_MULTILINE : ((field.kind === 'text' ? field.maxLength : undefined) ?? MAX_TEXT);
  if (value.length === 0 || value.length > max) return `must have 1 to ${max} characters`;
  if ((isMultiline ? /[^\P{Cc}\t\r\n]/u : /\p{Cc}/u).test(value)) return 'must not hold control characters';
  if (field.kind !== 'text') return null;
  if (field.url) return urlFault(field.url, value);
  if (field.pattern && !new RegExp(field.pattern, 'u').test(value)) return `must match ${field.pattern}`;
  return null;
}

function urlFault(
  { schemes, path, isList }: { schemes: readonly string[]; path: RegExp; isList?: true },
  value: string,
): string | null {
  for (const text of isList ? value.split(',') : [value]) {
    const url = /^\s|\s$/.test(text) && !isList ? null : URL.parse(text.trim());
    // In the text: an empty userinfo leaves no trace in a URL.
    if (/^[^/]*\/\/[^/?#]*@/.test(text)) {
      return 'must not hold a user name or password: those have fields of their own';
    }
    const isFit =
      url &&
      /^[a-z]+:\/\/[^/]/i.test(text.trim()) &&
      schemes.includes(url.protocol.slice(0, -1)) &&
      url.hostname !== '';
    if (!isFit) return `must begin with ${schemes.map((scheme) => `${scheme}://`).join(' or ')} and name a host`;
    if (!path.test(url.pathname) || url.search !== '' || url.hash !== '' || text.includes('?') || text.includes('#')) {
      return 'holds more after the host than is known here';
    }
  }
  return null;
}
