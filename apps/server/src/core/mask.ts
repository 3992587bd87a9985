/** Header names whose values are somebody's secret. */
const SECRET_NAME = /auth|token|secret|key|password|credential|signature|session|cookie/;
const MASK = '••••••';

/** Headers as they may be shown and stored: values that are likely secrets replaced. Lower-case names in, same out. */
export function maskHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, SECRET_NAME.test(name) ? MASK : value]),
  );
}
