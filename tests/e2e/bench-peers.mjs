// Other engines in the browser of the benchmark: what they reach with the same question.
//
// Each is asked in a page of its own, while no other computes. What they need is fetched by hand (see bench-engine.mjs).

import { existsSync } from "node:fs";
import { join } from "node:path";

async function onPage({ browser, server }, ask, input) {
  const page = await browser.newPage();
  try {
    await page.goto(server.url);
    return await page.evaluate(ask, input);
  } finally {
    await page.close();
  }
}

/** wllama: llama.cpp in WebAssembly, on one thread of the processor. Tokens per second and seconds to the first. */
export function wllama(engine, { url, messages, tokens }) {
  return onPage(
    engine,
    async ({ url, messages, tokens }) => {
      const { Wllama, LoggerWithoutDebug } = await import("/peers/@wllama/wllama/esm/index.js");
      const wllama = new Wllama({ default: "/peers/@wllama/wllama/esm/wasm/wllama.wasm" }, { logger: LoggerWithoutDebug });
      const file = await (await fetch(url)).blob();
      await wllama.loadModel([file], { n_ctx: 512, n_threads: 1, n_gpu_layers: 0 });
      const start = performance.now();
      let count = 0;
      let first = 0;
      const stream = await wllama.createChatCompletion({ messages, max_tokens: tokens, temperature: 0, stream: true });
      for await (const _ of stream) {
        if (!first) first = performance.now();
        count += 1;
      }
      return { rate: (count - 1) / ((performance.now() - first) / 1000), first: (first - start) / 1000 };
    },
    { url, messages, tokens },
  );
}

/**
 * transformers.js: ONNX Runtime on WebGPU, with the model in `folder` of the server. Tokens per second (of `tokens` after the
 * first), seconds to the first, and the text.
 */
export function transformers(engine, { folder, messages, tokens }) {
  return onPage(
    engine,
    async ({ folder, messages, tokens }) => {
      const map = document.createElement("script");
      map.type = "importmap";
      const runtime = "/peers/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs";
      map.textContent = JSON.stringify({
        imports: {
          "onnxruntime-web/webgpu": runtime,
          "onnxruntime-web": runtime,
          "onnxruntime-common": "/peers/onnxruntime-common/dist/esm/index.js",
        },
      });
      document.head.append(map);
      const { env, pipeline, TextStreamer } = await import("/peers/@huggingface/transformers/dist/transformers.min.js");
      Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: "/", useBrowserCache: false, useWasmCache: false });
      env.backends.onnx.wasm.wasmPaths = "/peers/onnxruntime-web/dist/";
      const generate = await pipeline("text-generation", folder, { device: "webgpu", dtype: "q4" });
      const prompt = generate.tokenizer.apply_chat_template(messages, { tokenize: false, add_generation_prompt: true });
      const plain = { do_sample: false, return_full_text: false, add_special_tokens: false };
      // The first run compiles.
      await generate(prompt, { ...plain, max_new_tokens: 1 });
      const times = [];
      const streamer = new TextStreamer(generate.tokenizer, {
        skip_prompt: true,
        callback_function: () => {},
        token_callback_function: () => times.push(performance.now()),
      });
      const start = performance.now();
      const [{ generated_text: text }] = await generate(prompt, { ...plain, max_new_tokens: 1 + tokens, streamer });
      const made = times.length - 1;
      return { rate: made / ((times.at(-1) - times[0]) / 1000), first: (times[0] - start) / 1000, text };
    },
    { folder, messages, tokens },
  );
}

/** Whether the folder of peers has `name`. */
export function has(peers, name) {
  return Boolean(peers) && existsSync(join(peers, name));
}
