/** Header names whose values are somebody's secret. */
const SECRET_NAME = /auth|token|secret|key|password|credential|signature|session|cookie/;
export const MASK = '••••••';

/** True for a header whose value is likely a secret. Lower-case names. */
export function isSecretHeader(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** Headers as they may be shown and stored: values that are likely secrets replaced. Lower-case names in, same out. */
export function maskHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const masked: Record<string, string> = {};
  for (const name in headers) masked[name] = isSecretHeader(name) ? MASK : (headers[name] ?? '');
  return masked;
}
