// Computes beside the page, so that it stays responsive.

import { choose, open } from "./backends.js";
import { Nets } from "./nets.js";

// Threads need headers that plain file servers do not send, and sw.js adds from the second visit on.
const THREADS = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;

async function read(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

let models, photo, backend, nets;

async function use(name) {
  backend = await open(name, THREADS);
  nets = new Nets(backend, read, models);
}

// Whatever goes wrong with WebGPU, WebAssembly may still do.
async function computed(work) {
  try {
    nets ?? await use(await choose(new URLSearchParams(location.search).get("backend")));
    return await work();
  } catch (error) {
    if (backend?.name === "wasm") throw error;
    console.warn(String(error.message ?? error));
    await use("wasm");
    return work();
  }
}

onmessage = async ({ data: { id, task, args } }) => {
  try {
    let result = null;
    if (task === "models") models = args[0];
    if (task === "photo") photo = args;  // data, width, height
    if (task === "encode") result = await computed(() => nets.encode(...args));
    if (task === "stylize") result = await computed(() => nets.stylize(args[0], ...photo, ...args.slice(1)));
    postMessage({ id, result, title: backend?.title });
  } catch (error) {
    postMessage({ id, error: String(error.message ?? error) });
  }
};
