// The page: photo, styles, strength; asks the worker for pictures.

import { SMALLEST_STYLE, STYLE_SIDE } from "./engine.js";

const MOST = 4;  // styles in a blend
const $ = id => document.getElementById(id);
const worker = new Worker(`worker.js${location.search}`, { type: "module" });
const waiting = new Map();
let asked = 0;

worker.onmessage = ({ data: { id, result, error, title } }) => {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (title) $("backend").textContent = title;
  error ? reject(new Error(error)) : resolve(result);
};
worker.onerror = event => say(event.message || "The page could not start: reload it.", true);

function ask(task, ...args) {
  return new Promise((resolve, reject) => {
    waiting.set(++asked, { resolve, reject });
    worker.postMessage({ id: asked, task, args });
  });
}

const state = { models: [], model: null, chosen: [], own: new Map(), photo: null, size: 512, busy: false, again: false };

function say(text, error = false) {
  $("status").textContent = text;
  $("status").className = error ? "error" : "";
}

// --- the photo ---

async function openPicture(blob) {
  try {
    return await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    throw new Error("This file is not a picture that the browser can read.");
  }
}

function draw(canvas, bitmap, long, least = 1) {
  const shrink = Math.min(1, Math.max(long / Math.max(bitmap.width, bitmap.height), least / Math.min(bitmap.width, bitmap.height)));
  canvas.width = Math.max(1, Math.round(bitmap.width * shrink));
  canvas.height = Math.max(1, Math.round(bitmap.height * shrink));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

async function showPhoto(bitmap) {
  state.photo = bitmap;
  const pixels = draw($("before"), bitmap, state.size);
  $("result").width = pixels.width;
  $("result").height = pixels.height;
  $("result").getContext("2d").putImageData(pixels, 0, 0);
  await ask("photo", pixels.data, pixels.width, pixels.height);
  update();
}

const attempt = (work, ...args) => work(...args).catch(error => say(error.message, true));
const usePhoto = async blob => showPhoto(await openPicture(blob));

// --- styles ---

function tile(id, name, title, picture) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tile";
  button.title = title;
  button.dataset.id = id;
  if (picture) {
    const image = new Image();
    image.src = picture;
    image.alt = "";
    image.loading = "lazy";
    button.append(image);
  } else button.append(Object.assign(document.createElement("div"), { className: "plus", textContent: "+" }));
  button.append(Object.assign(document.createElement("span"), { textContent: name }));
  return button;
}

const stylesOf = model => [...model.styles, ...(state.own.get(model.name) ?? [])];
const short = style => style.title.split(" (")[0];
const styleOf = id => stylesOf(state.model).find(style => style.id === id);

function showStyles() {
  const tiles = stylesOf(state.model).map(style => {
    const button = tile(style.id, short(style), [style.title, style.by].filter(Boolean).join(", "), style.tile);
    button.onclick = () => choose(style.id);
    return button;
  });
  if (state.models.some(model => model.encoder)) {
    const add = tile("", "Your own picture", "Take the style of a picture of yours");
    add.onclick = () => $("style-file").click();
    tiles.unshift(add);
  }
  $("styles").replaceChildren(...tiles);
  showChoice();
}

function choose(id) {
  const there = state.chosen.findIndex(part => part.id === id);
  if (!$("blend").checked) state.chosen = [{ id, weight: 1 }];
  else if (there < 0) state.chosen = [...state.chosen, { id, weight: 1 }].slice(-MOST);
  else if (state.chosen.length > 1) state.chosen.splice(there, 1);
  showChoice();
  update();
}

function showChoice() {
  for (const button of $("styles").children)
    if (button.dataset.id) button.setAttribute("aria-pressed", state.chosen.some(part => part.id === button.dataset.id));
  const fields = state.chosen.length < 2 ? [] : state.chosen.map(part => {
    const label = document.createElement("label"), title = document.createElement("span");
    const slider = Object.assign(document.createElement("input"), { type: "range", min: 0.05, max: 1, step: 0.05 });
    title.textContent = short(styleOf(part.id));
    slider.value = part.weight;
    slider.oninput = () => { part.weight = Number(slider.value); update(); };
    label.append(title, slider);
    return label;
  });
  $("weights").replaceChildren(...fields);
}

function useModel(name, style) {
  state.model = state.models.find(model => model.name === name);
  $("net").value = name;
  const kept = state.chosen.filter(part => styleOf(part.id));
  const first = style ?? kept[0]?.id ?? stylesOf(state.model)[0]?.id;
  state.chosen = style || !kept.length ? (first ? [{ id: first, weight: 1 }] : []) : kept;
  showStyles();
  update();
}

async function useStyle(blob, name) {
  const model = state.model.encoder ? state.model : state.models.find(model => model.encoder);
  const bitmap = await openPicture(blob), canvas = document.createElement("canvas");
  const pixels = draw(canvas, bitmap, STYLE_SIDE, SMALLEST_STYLE);
  if (Math.min(pixels.width, pixels.height) < SMALLEST_STYLE)
    throw new Error(`A style picture needs at least ${SMALLEST_STYLE} px a side.`);
  say("Reading the picture…");
  const code = await ask("encode", model.name, pixels.data, pixels.width, pixels.height);
  const own = state.own.get(model.name) ?? [];
  const style = { id: `own-${own.length}`, title: name.replace(/\.[^.]+$/, ""), by: "", row: code, tile: canvas.toDataURL("image/jpeg", 0.8) };
  state.own.set(model.name, [...own, style]);
  useModel(model.name, style.id);
}

// --- stylize: one request at a time, and the latest one after it ---

async function update() {
  if (!state.photo || !state.chosen.length) return;
  if (state.busy) {
    state.again = true;
    return;
  }
  state.busy = true;
  const began = performance.now(), { width, height } = $("before");
  say("Stylizing…");
  try {
    const mix = state.chosen.map(part => [styleOf(part.id).row, part.weight]);
    const bytes = await ask("stylize", state.model.name, mix, Number($("strength").value), $("smooth").checked);
    if (width === $("before").width && height === $("before").height) {
      $("result").getContext("2d").putImageData(new ImageData(bytes, width, height), 0, 0);
      $("save").disabled = false;
      say(`${width} × ${height} px in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    } else state.again = true;
  } catch (error) {
    say(error.message, true);
  }
  state.busy = false;
  if (state.again) {
    state.again = false;
    update();
  }
}

function save() {
  $("result").toBlob(blob => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: "stylized.png" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

// --- camera ---

async function openCamera() {
  if (!navigator.mediaDevices) throw new Error("The browser gives no camera to this page: it needs https.");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1600 } } });
  } catch {
    throw new Error("No camera may be used: allow it in the browser, or open a photo.");
  }
  $("video").srcObject = stream;
  $("camera-dialog").showModal();
}

async function takePhoto() {
  const bitmap = await createImageBitmap($("video"));
  $("camera-dialog").close();
  await showPhoto(bitmap);
}

// --- events ---

$("choose").onclick = () => $("photo-file").click();
for (const [id, use] of [["photo-file", usePhoto], ["style-file", useStyle]])
  $(id).onchange = ({ target }) => {
    const file = target.files[0];
    if (file) attempt(use, file, file.name);
    target.value = "";  // so that the same file can be chosen again
  };
$("camera").onclick = () => attempt(openCamera);
$("take").onclick = () => attempt(takePhoto);
$("close-camera").onclick = () => $("camera-dialog").close();
$("camera-dialog").onclose = () => $("video").srcObject?.getTracks().forEach(track => track.stop());
$("save").onclick = save;
$("compare").oninput = event => $("frame").style.setProperty("--at", `${event.target.value}%`);
$("net").onchange = event => useModel(event.target.value);
$("blend").onchange = () => {
  if (!$("blend").checked) state.chosen = state.chosen.slice(-1);
  showChoice();
  update();
};
$("smooth").onchange = update;
$("strength").oninput = () => { showStrength(); update(); };
for (const radio of document.getElementsByName("size"))
  radio.onchange = () => {
    state.size = Number(radio.value);
    $("smooth").checked = state.size > 512 && !state.model.antialiased;  // which takes twice the time
    attempt(showPhoto, state.photo);
  };
const showStrength = () => ($("strength-value").value = `${Math.round(100 * $("strength").value)} %`);
for (const name of ["dragover", "dragleave", "drop"])
  document.addEventListener(name, event => {
    event.preventDefault();
    $("drop").hidden = name !== "dragover";
    if (name === "drop" && event.dataTransfer.files[0]) attempt(usePhoto, event.dataTransfer.files[0]);
  });
document.addEventListener("paste", event => {
  const file = event.clipboardData?.files[0];
  if (file) attempt(usePhoto, file);
});

async function start() {
  showStrength();
  say("Loading…");
  const { models, sample } = await (await fetch("models.json")).json();
  state.models = models;
  for (const model of models) $("net").add(new Option(`${model.name}: ${model.summary}`, model.name));
  $("net-field").hidden = models.length < 2;
  await ask("models", models);
  useModel(models[0].name);
  await usePhoto(await (await fetch(sample)).blob());
  navigator.serviceWorker?.register("sw.js").catch(() => {});  // without it, the page needs the network again
}
attempt(start);
