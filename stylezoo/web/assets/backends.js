// What computes the nets: WebGPU where the browser has it, WebAssembly elsewhere.

const BACKENDS = {
  webgpu: { script: "./ort/ort.jspi.bundle.min.mjs", program: "./ort/ort-wasm-simd-threaded.jspi.wasm" },
  wasm: { script: "./ort/ort.wasm.bundle.min.mjs", program: "./ort/ort-wasm-simd-threaded.wasm" },
};

// The backend that `wanted` names, or else the one that suits the browser. WebGPU suits if there is a graphics
// processor, and not a program that imitates one, and if WebAssembly can wait for it.
export async function choose(wanted) {
  if (wanted in BACKENDS) return wanted;
  if (!("Suspending" in WebAssembly)) return "wasm";
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return adapter && !adapter.info?.isFallbackAdapter ? "webgpu" : "wasm";
}

// onnxruntime-web with a backend, and how to describe it.
export async function open(name, threads) {
  const { script, program } = BACKENDS[name], ort = await import(script);
  ort.env.wasm.numThreads = name === "wasm" ? threads : 1;
  ort.env.wasm.wasmPaths = { wasm: new URL(program, import.meta.url).href };
  const title = name === "webgpu" ? "WebGPU" : `WebAssembly, ${threads} ${threads > 1 ? "threads" : "thread"}`;
  return { ort, name, title };
}
