// Reads requests from its input, has each verified by the code in the docs, and prints what that said.
import { pathToFileURL } from 'node:url';

const { verifyStandard, verifyEd25519, verifyHmacHex } = await import(pathToFileURL(process.argv[2]).href);
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const requests = JSON.parse(Buffer.concat(chunks).toString());
const byScheme = { standard: verifyStandard, ed25519: verifyEd25519, 'hmac-hex': verifyHmacHex };
const verdicts = requests.map(({ scheme, body, headers, secrets, brand }) => {
  try {
    byScheme[scheme](Buffer.from(body, 'base64'), headers, secrets, brand);
    return 'ok';
  } catch (error) {
    return error.message;
  }
});
process.stdout.write(JSON.stringify(verdicts));
