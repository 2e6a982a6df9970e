// The transport of the chosen protocol.
import type { Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import type { TandemOptions, TransportFactory } from "./types.js";

/** Loads the protocol that most pages do not use when it is first used. */
const createGrpcWeb: TransportFactory = (options) => {
    let loading: Promise<Transport> | undefined;
    const load = () => {
        loading ??= import("./grpc-web.js").then(({ createGrpcWebTransport }) => createGrpcWebTransport(options));
        // A failed load is tried again by the next call.
        loading.catch(() => (loading = undefined));
        return loading;
    };
    return {
        unary: async (...call) => (await load()).unary(...call),
        stream: async (...call) => (await load()).stream(...call),
    };
};

/** A function that makes the transport with the interceptors that it is given. */
export function transports(options: TandemOptions, timeoutMs: number): (interceptors: Interceptor[]) => Transport {
    const { transport = "connect", fetch = globalThis.fetch } = options;
    const baseUrl = options.baseUrl ?? globalThis.location?.origin;
    if (baseUrl === undefined) throw new TypeError("createTandem needs a baseUrl outside of a page");
    const factories = { connect: createConnectTransport, "grpc-web": createGrpcWeb };
    const create = typeof transport === "string" ? factories[transport] : transport;
    // `fetch` must be called with the window as `this`.
    const plainFetch: typeof fetch = (...request) => fetch(...request);
    return (interceptors) => create({ baseUrl, fetch: plainFetch, defaultTimeoutMs: timeoutMs, useBinaryFormat: true, interceptors });
}
