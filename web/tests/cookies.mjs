// The cookie of the refresh token in a real Chromium, against running gateways.
//
// Variables: GATEWAY and OTHER_GATEWAY (http://localhost:PORT, with databases of their own), SECURE_GATEWAY
// (https://app.test:PORT, in front of the services of GATEWAY), CHROMIUM (its path), and PLAYWRIGHT (a file in the folder whose
// node_modules has playwright-core; without it, this folder). Prints one line for each claim. Exits with 1 at the first that is false.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

import { attack, attackerServer } from "./cookies/attacker.mjs";
import { Device, optIn, password, tag } from "./cookies/page.mjs";

const require = createRequire(process.env.PLAYWRIGHT ?? import.meta.url);
const { chromium } = require("playwright-core");
const { GATEWAY, OTHER_GATEWAY, SECURE_GATEWAY, CHROMIUM } = process.env;

const REFRESH = "/tandem.auth.v1.AuthService/RefreshTokens";
const SIGN_OUT = "/tandem.auth.v1.AuthService/SignOut";
const DAYS_14 = 14 * 24 * 3600;

let people = 0;
const email = () => `cookie${Date.now()}x${(people += 1)}@example.org`;

async function signedUp(browser, origin, byte = 1) {
  const device = await new Device(browser, origin).open();
  const answer = await device.signUp(email(), byte);
  assert.equal(answer.status, 0, answer.reason);
  return { device, answer };
}

async function noScriptReachesTheToken(browser, origin, name, secure) {
  const { device, answer } = await signedUp(browser, origin);
  const cookie = await device.cookie();
  assert.equal(cookie.name, name);
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.secure, secure);
  assert.equal(cookie.sameSite, "Strict");
  assert.equal(cookie.path, "/");
  const host = new URL(origin).hostname;
  assert.equal(cookie.domain, host, "no Domain: for this host alone");
  const left = cookie.expires - Date.now() / 1000;
  assert.ok(left > DAYS_14 - 60 && left < DAYS_14 + 60, `${left}`);
  const [, token] = cookie.value.split(".");
  const refreshed = await device.refresh(1);
  assert.equal(refreshed.status, 0, refreshed.reason);
  const [, next] = (await device.cookie()).value.split(".");
  assert.notEqual(next, token);
  for (const { text, headers } of [answer, refreshed]) {
    assert.ok(!text.includes(token) && !text.includes(next));
    assert.ok(!headers.includes("set-cookie"));
  }
  const visible = await device.page.evaluate(async () => {
    const store = globalThis.cookieStore ? await cookieStore.getAll() : [];
    const databases = await indexedDB.databases();
    const kept = [{ ...localStorage }, { ...sessionStorage }, performance.getEntries()];
    return JSON.stringify([document.cookie, store, databases, kept]);
  });
  assert.ok(!visible.includes("tandem-refresh") && !visible.includes(next), visible);
  return device;
}

// Every request of the attacker's page to the target, with whether it carried the cookie, and how it was answered.
async function watch(page, target) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const requests = new Map();
  const of = (id) => requests.get(id) ?? requests.set(id, {}).get(id);
  session.on("Network.requestWillBeSentExtraInfo", (event) => {
    const carried = event.associatedCookies.filter((one) => one.cookie.name.includes("tandem-refresh"));
    of(event.requestId).sent = carried.some((one) => one.blockedReasons.length === 0);
    of(event.requestId).blocked = carried.flatMap((one) => one.blockedReasons);
  });
  session.on("Network.responseReceivedExtraInfo", (event) => {
    of(event.requestId).http = event.statusCode;
    of(event.requestId).sets = Object.keys(event.headers).some((name) => name.toLowerCase() === "set-cookie");
  });
  return () => [...requests.values()].filter((one) => one.http !== undefined);
}

async function noOtherSiteUsesTheCookie(browser, origin, attackerOrigin, carries) {
  const { device } = await signedUp(browser, origin);
  const before = await device.cookie();
  const page = await device.context.newPage();
  await page.goto(attackerOrigin);
  const seenRequests = await watch(page, origin);
  const seen = await page.evaluate(attack, { target: origin, paths: [REFRESH, SIGN_OUT] });
  for (const [name, result] of Object.entries(seen)) {
    assert.notEqual(result, "no answer", name);
    if (name.startsWith("websocket") || name.startsWith("image")) assert.equal(result, "error", name);
    if (name.startsWith("fetch cors")) assert.equal(result, "TypeError", name);
  }
  const requests = seenRequests();
  assert.ok(requests.length > 20, `${requests.length} requests were answered`);
  assert.ok(requests.every((request) => !request.sets), "an answer sets a cookie");
  // Another port is the same site, so its requests carry even this cookie. The gateway does not use it.
  const carried = requests.filter((request) => request.sent).length;
  assert.equal(carried > 0, carries, `${carried} requests carried the cookie`);
  assert.deepEqual(await device.cookie(), before);
  // Nobody has used the token since: with the first tag it is still the current one, and the session lives.
  const refreshed = await device.refresh(1);
  assert.equal(refreshed.status, 0, refreshed.reason);
  const again = await device.refresh(1);
  assert.equal(again.status, 0, again.reason);
  return `${Object.keys(seen).length} attempts, ${requests.length} answered, ${carried} with the cookie`;
}

async function copied(browser, origin) {
  const { device } = await signedUp(browser, origin, 1);
  const thief = await new Device(browser, origin).open();
  await thief.context.addCookies([await device.cookie()]);
  return { device, thief };
}

async function aCopyUsedAfterTheOwnerIsFound(browser, origin) {
  const { device, thief } = await copied(browser, origin);
  assert.equal((await device.refresh(1)).status, 0);
  const stolen = await thief.refresh(2);
  assert.deepEqual([stolen.status, stolen.reason], [16, "REFRESH_TOKEN_REUSED"]);
  assert.deepEqual(await thief.cookies(), []);
  const ended = await device.refresh(1);
  assert.deepEqual([ended.status, ended.reason], [16, "SESSION_REVOKED"]);
  assert.deepEqual(await device.cookies(), []);
}

async function aCopyUsedBeforeTheOwnerIsFound(browser, origin) {
  const { device, thief } = await copied(browser, origin);
  assert.equal((await thief.refresh(2)).status, 0);
  const found = await device.refresh(1);
  assert.deepEqual([found.status, found.reason], [16, "REFRESH_TOKEN_REUSED"]);
  assert.deepEqual(await device.cookies(), []);
  const ended = await thief.refresh(2);
  assert.deepEqual([ended.status, ended.reason], [16, "SESSION_REVOKED"]);
}

async function aLostAnswerIsRepeated(browser, origin) {
  const { device } = await signedUp(browser, origin);
  const before = await device.cookie();
  // The service has answered, and the browser does not get it.
  await device.page.route(`**${REFRESH}`, async (route) => {
    const headers = { ...route.request().headers(), cookie: `${before.name}=${before.value}` };
    headers["sec-fetch-site"] = "same-origin";
    await route.fetch({ headers, maxRedirects: 0 }).then((answer) => assert.equal(answer.status(), 200));
    await device.context.clearCookies();
    await device.context.addCookies([before]);
    await route.abort("connectionreset");
  });
  await assert.rejects(device.refresh(1), /Failed to fetch/);
  await device.page.unroute(`**${REFRESH}`);
  assert.deepEqual(await device.cookie(), before);
  const repeated = await device.refresh(1);
  assert.equal(repeated.status, 0, repeated.reason);
  assert.equal((await device.refresh(1)).status, 0);
}

async function twoGatewaysOnOneHostDoNotMixTheirCookies(browser) {
  const { device } = await signedUp(browser, GATEWAY);
  await device.page.goto(`${OTHER_GATEWAY}/health`);
  const absent = await device.refresh(1);
  assert.deepEqual([absent.status, absent.reason], [16, "REFRESH_TOKEN_INVALID"]);
  assert.equal((await device.signUp(email(), 2)).status, 0);
  assert.equal((await device.cookies()).length, 2);
  assert.equal((await device.signOut()).status, 0);
  await device.page.goto(`${GATEWAY}/health`);
  assert.equal((await device.refresh(1)).status, 0);
}

async function aPlantedSecondCookieIsRefused(browser, origin, attackerOrigin) {
  const { device } = await signedUp(browser, origin);
  const own = await device.cookie();
  const page = await device.context.newPage();
  const planted = `${own.name}=${own.value}x; Path=/tandem.auth.v1.AuthService`;
  await page.goto(`${attackerOrigin}/?set=${encodeURIComponent(planted)}`);
  const refused = await device.refresh(1);
  assert.deepEqual([refused.status, refused.reason], [3, "REQUEST_MALFORMED"]);
}

async function noCookieCanBePlantedOverHttps(browser) {
  const { device } = await signedUp(browser, SECURE_GATEWAY);
  const own = await device.cookie();
  await device.page.evaluate((name) => {
    document.cookie = `${name}=planted; Secure; Path=/`;
    document.cookie = `${name}=planted; Secure; Path=/tandem.auth.v1.AuthService`;
    document.cookie = `${name}=planted; Secure; Domain=app.test; Path=/`;
  }, own.name);
  assert.deepEqual(await device.cookies(), [own]);
  assert.equal((await device.refresh(1)).status, 0);
}

async function anotherTabWithAnotherAccountIsNoticed(browser, origin) {
  const { device } = await signedUp(browser, origin);
  const [session] = (await device.cookie()).value.split(".");
  assert.equal((await device.signUp(email(), 2)).status, 0);
  const headers = { ...optIn, "tandem-session-id": session };
  const refused = await device.call("AuthService/RefreshTokens", { 2: tag(1) }, headers);
  assert.deepEqual([refused.status, refused.reason], [16, "SESSION_CHANGED"]);
  assert.equal((await device.refresh(2)).status, 0);
}

async function aSignOutDeletesTheCookieAndEndsTheSession(browser, origin) {
  const { device, thief } = await copied(browser, origin);
  assert.equal((await device.signOut()).status, 0);
  assert.deepEqual(await device.cookies(), []);
  const ended = await thief.refresh(1);
  assert.deepEqual([ended.status, ended.reason], [16, "SESSION_REVOKED"]);
}

async function main() {
  const attacker = await attackerServer();
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    timeout: 120_000,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync",
      "--host-resolver-rules=MAP app.test 127.0.0.1,MAP evil.test 127.0.0.1",
    ],
  });
  const claim = async (text, run) => console.log(`ok: ${text}`, (await run()) ?? "");
  const port = new URL(GATEWAY).port;
  const numeric = GATEWAY.replace("localhost", "127.0.0.1");
  const [sameSite, crossSite] = ["localhost", "evil.test"].map((host) => `http://${host}:${attacker.port}`);
  const [plain, secure] = [`tandem-refresh-${port}`, "__Host-Http-tandem-refresh"];
  try {
    for (const [origin, name] of [[GATEWAY, plain], [numeric, plain], [SECURE_GATEWAY, secure]]) {
      await claim(`no script of ${origin} reaches the token`, () =>
        noScriptReachesTheToken(browser, origin, name, name === secure));
    }
    for (const [origin, from, carries] of [
      [GATEWAY, sameSite, true],
      [GATEWAY, crossSite, false],
      [SECURE_GATEWAY, crossSite, false],
    ]) {
      await claim(`no page of ${from} uses the cookie of ${origin}`, () =>
        noOtherSiteUsesTheCookie(browser, origin, from, carries));
    }
    for (const origin of [GATEWAY, SECURE_GATEWAY]) {
      await claim("a copy used after the owner ends the session", () => aCopyUsedAfterTheOwnerIsFound(browser, origin));
      await claim("a copy used before the owner ends the session", () => aCopyUsedBeforeTheOwnerIsFound(browser, origin));
      await claim("a sign-out ends the session", () => aSignOutDeletesTheCookieAndEndsTheSession(browser, origin));
      await claim("another account is noticed", () => anotherTabWithAnotherAccountIsNoticed(browser, origin));
    }
    await claim("a lost answer is repeated", () => aLostAnswerIsRepeated(browser, GATEWAY));
    await claim("two gateways do not mix", () => twoGatewaysOnOneHostDoNotMixTheirCookies(browser));
    await claim("a planted cookie is refused", () => aPlantedSecondCookieIsRefused(browser, GATEWAY, sameSite));
    await claim("none is planted over https", () => noCookieCanBePlantedOverHttps(browser));
  } finally {
    await browser.close();
    attacker.close();
  }
}

await main();
