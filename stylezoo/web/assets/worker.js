// Computes beside the page, so that it stays responsive.

import * as ort from "./ort/ort.wasm.bundle.min.mjs";
import { Nets } from "./nets.js";

// Threads need headers that plain file servers do not send, and sw.js adds from the second visit on.
ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
ort.env.wasm.wasmPaths = { wasm: new URL("./ort/ort-wasm-simd-threaded.wasm", import.meta.url).href };

async function read(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

let nets, photo;
onmessage = async ({ data: { id, task, args } }) => {
  try {
    let result = null;
    if (task === "models") nets = new Nets(ort, read, args[0]);
    if (task === "photo") photo = args;  // data, width, height
    if (task === "encode") result = await nets.encode(...args);
    if (task === "stylize") result = await nets.stylize(args[0], ...photo, ...args.slice(1));
    postMessage({ id, result });
  } catch (error) {
    postMessage({ id, error: String(error.message ?? error) });
  }
};
