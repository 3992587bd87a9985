/** As it is stored: fields that were not set are absent. */
export type BrokerConfig = Readonly<Record<string, string | number | boolean>>;

interface CommonField {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly isRequired?: true;
  /** Who changes where this leads, or how it is kept from others, gives the secrets anew: else they would go there too. */
  readonly isPlace?: true;
}

export type ConfigField =
  | (CommonField & {
      readonly kind: 'text';
      readonly placeholder?: string;
      readonly pattern?: string;
      readonly maxLength?: number;
      /** It is a URL of one of these, without credentials; or with commas between them, where `isList`. */
      readonly url?: { readonly schemes: readonly string[]; readonly path: RegExp; readonly isList?: true };
    })
  | (CommonField & { readonly kind: 'multiline' })
  | (CommonField & { readonly kind: 'secret' | 'multiline_secret' })
  | (CommonField & { readonly kind: 'boolean'; readonly default?: boolean })
  | (CommonField & { readonly kind: 'choice'; readonly choices: readonly string[]; readonly default?: string });

/** What a kind of broker has to be told, for one use of it. */
export interface BrokerForm {
  readonly name: string;
  readonly description: string;
  readonly fields: readonly ConfigField[];
  /** What the fields do not say one by one: field and message. */
  readonly check?: (config: BrokerConfig) => readonly (readonly [string, string])[];
  /** Of secret fields that are made of several things, those that are secret by themselves. */
  readonly secretsWithin?: (config: BrokerConfig) => readonly string[];
  /** Where it leads, for people; without credentials. */
  readonly address: (config: BrokerConfig) => string;
  /** The hosts that it names, as `host:port`. */
  readonly hosts: (config: BrokerConfig) => readonly string[];
}

/** A kind of broker: one file beside this one, and an entry in all.ts and in brokers/open.ts. */
export interface BrokerKind {
  /** As an endpoint. */
  readonly publishing: BrokerForm;
  readonly receiving: Receiving;
}

/** As a source: what is told for publishing, with what only receiving needs and without what only publishing does. */
export interface Receiving {
  readonly description: string;
  /** Instead of the one of the same name, or besides. */
  readonly fields: readonly ConfigField[];
  /** Fields that only publishing needs. */
  readonly without?: readonly string[];
  readonly address?: BrokerForm['address'];
}

export function isSecretField({ kind }: ConfigField): boolean {
  return kind === 'secret' || kind === 'multiline_secret';
}
