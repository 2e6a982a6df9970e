// Verifies access tokens of Tandem. Needs: npm install jose@5
//
// Usage: node verify.mjs ISSUER AUDIENCE   Reads a token from each line, and prints `ok` with its account, or `refused` with the reason.
import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [issuer, audience] = process.argv.slice(2);

const answer = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
const metadata = await answer.json();
if (metadata.issuer !== issuer) throw new Error(`these are the metadata of ${metadata.issuer}`);

// Kept for five minutes. An unknown key id fetches them again, but not more often than the cooldown: 30 s by default, in which the
// tokens of a new key would be refused.
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri), {
  cacheMaxAge: 300_000,
  cooldownDuration: 1_000,
  timeoutDuration: 5_000,
});

async function verify(token) {
  const { payload } = await jwtVerify(token, keys, {
    algorithms: ["EdDSA"],
    typ: "at+jwt", // RFC 9068, section 4: another kind of JWT is not an access token.
    issuer,
    audience,
    clockTolerance: 5,
    requiredClaims: ["sub", "exp", "iat", "scope"],
  });
  return payload;
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log("ok", (await verify(line.trim())).sub);
  } catch (refused) {
    // Quoted: parts of the token may be in the text.
    console.log("refused", refused.code, JSON.stringify(refused.message));
  }
}
