// What a page of the gateway does: calls in gRPC-web with messages written by hand, so that no library hides what the browser sends.

// Runs in the page. Every field is a text or bytes.
export function callFromPage({ method, fields, headers }) {
  const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
  const encode = (value) =>
    typeof value === "string" ? [...new TextEncoder().encode(value)] : value;
  const message = Object.entries(fields).flatMap(([number, value]) => {
    const bytes = encode(value);
    return [(Number(number) << 3) | 2, ...varint(bytes.length), ...bytes];
  });
  const length = [24, 16, 8, 0].map((shift) => (message.length >>> shift) & 255);
  const request = fetch(`/tandem.auth.v1.${method}`, {
    method: "POST",
    headers: { "content-type": "application/grpc-web+proto", ...headers },
    body: new Uint8Array([0, ...length, ...message]),
  });
  return request.then(async (response) => {
    const bytes = new Uint8Array(await response.arrayBuffer());
    // Latin-1, so that every byte is one character.
    const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    const status = /grpc-status: ?(\d+)/.exec(text);
    const details = /grpc-status-details-bin: ?([A-Za-z0-9+/=]+)/.exec(text);
    const names = [...response.headers.keys()];
    return {
      http: response.status,
      status: status ? Number(status[1]) : null,
      reason: details ? (/[A-Z]+_[A-Z_]+/.exec(atob(details[1])) ?? [""])[0] : "",
      text,
      headers: names,
    };
  });
}

export const optIn = { "tandem-session": "cookie" };
export const password = "correct horse battery staple";

// A device's attempt tag: 32 bytes.
export const tag = (byte) => new Array(32).fill(byte);

// A page of the gateway in its own profile.
export class Device {
  constructor(browser, origin) {
    this.browser = browser;
    this.origin = origin;
  }

  async open() {
    this.context = await this.browser.newContext({ ignoreHTTPSErrors: true });
    this.page = await this.context.newPage();
    await this.page.goto(`${this.origin}/health`);
    return this;
  }

  call(method, fields, headers = optIn) {
    return this.page.evaluate(callFromPage, { method, fields, headers });
  }

  signUp(email, byte) {
    return this.call("AuthService/SignUp", { 1: email, 2: password, 5: tag(byte) });
  }

  refresh(byte) {
    return this.call("AuthService/RefreshTokens", { 2: tag(byte) });
  }

  signOut() {
    return this.call("AuthService/SignOut", {});
  }

  // The refresh cookies of this profile, as only the browser itself sees them.
  async cookies() {
    const all = await this.context.cookies(this.origin);
    return all.filter((cookie) => cookie.name.includes("tandem-refresh"));
  }

  async cookie() {
    const cookies = await this.cookies();
    if (cookies.length !== 1) throw new Error(`${cookies.length} cookies`);
    return cookies[0];
  }
}
