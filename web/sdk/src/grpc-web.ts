// A module of its own, so that a bundler can leave it out of the first load.
export { createGrpcWebTransport } from "@connectrpc/connect-web";
