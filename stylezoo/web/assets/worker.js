// Computes beside the page, so that it stays responsive.

import * as ort from "./ort/ort.wasm.bundle.min.mjs";
import { Nets } from "./nets.js";

ort.env.wasm.numThreads = 1;  // more need headers that plain file servers do not send
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
