// A page of another origin that tries to use the cookie in every way that a browser offers.

import { createServer } from "node:http";

// Serves the attacker's page, and answers with the `Set-Cookie` that a path asks for.
export async function attackerServer() {
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://attacker");
    const cookie = url.searchParams.get("set");
    if (cookie) response.setHeader("set-cookie", cookie);
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>another site</title><body></body>");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: server.address().port, close: () => server.close() };
}

// Runs in the attacker's page. Returns what each attempt saw.
export async function attack({ target, paths }) {
  const seen = {};
  const frame = new Uint8Array([0, 0, 0, 0, 0]);
  const attempt = async (name, run) => {
    seen[name] = await Promise.race([
      run().then((value) => value ?? "done", (error) => `${error.name}`),
      new Promise((resolve) => setTimeout(resolve, 5000, "no answer")),
    ]);
  };
  const loaded = (element, address) =>
    new Promise((resolve) => {
      element.onload = () => resolve("loaded");
      element.onerror = () => resolve("error");
      element.src = address;
      document.body.append(element);
    });
  const form = (path, enctype) =>
    new Promise((resolve) => {
      const frameElement = document.createElement("iframe");
      frameElement.name = `f${Math.random()}`;
      const element = document.createElement("form");
      Object.assign(element, { method: "POST", action: target + path, enctype });
      element.target = frameElement.name;
      const input = document.createElement("input");
      Object.assign(input, { name: '{"refresh_token":"', value: '"}' });
      element.append(input);
      document.body.append(frameElement, element);
      frameElement.onload = () => resolve("loaded");
      element.submit();
    });
  const types = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json",
    "application/proto",
    "application/connect+json",
    "application/grpc-web+proto",
    "application/grpc-web-text",
  ];
  for (const path of paths) {
    for (const enctype of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      await attempt(`form ${enctype} ${path}`, () => form(path, enctype));
    }
    for (const type of types) {
      const json = type.endsWith("json") || type === "text/plain";
      const body = json ? "{}" : frame;
      const init = { method: "POST", credentials: "include", body };
      const optIn = { "content-type": type, "tandem-session": "cookie" };
      const read = (response) => `${response.type} ${response.status}`;
      await attempt(`fetch cors ${type} ${path}`, () =>
        fetch(target + path, { ...init, headers: optIn }).then(read));
      await attempt(`fetch simple ${type} ${path}`, () =>
        fetch(target + path, { ...init, headers: { "content-type": type } }).then(read));
      await attempt(`fetch no-cors ${type} ${path}`, () =>
        fetch(target + path, { ...init, mode: "no-cors", headers: optIn }).then(read));
      await attempt(`beacon ${type} ${path}`, async () =>
        String(navigator.sendBeacon(target + path, new Blob([body], { type }))));
    }
    const query = "?connect=v1&encoding=json&message=%7B%7D";
    await attempt(`image ${path}`, () => loaded(new Image(), target + path + query));
    await attempt(`script ${path}`, () => loaded(document.createElement("script"), target + path + query));
    await attempt(`iframe ${path}`, () => loaded(document.createElement("iframe"), target + path + query));
    await attempt(`websocket ${path}`, () => new Promise((resolve) => {
      const socket = new WebSocket(target.replace("http", "ws") + path);
      socket.onopen = () => resolve("open");
      socket.onerror = () => resolve("error");
    }));
  }
  return seen;
}
