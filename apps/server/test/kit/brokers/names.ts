/** The names that there are. */
const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  localhost: ['127.0.0.1'],
  'half.example.com': ['8.8.8.8', '10.0.0.1'],
};

export async function resolve(name: string) {
  const addresses = ADDRESSES[name];
  if (!addresses) throw Object.assign(new Error(`no ${name}`), { code: 'ENOTFOUND' });
  return addresses.map((address) => ({ address, family: 4 }));
}
