// Up to three brushes on the stage, each with a style. What one stylizes, the others lose. Masks leave white on black.
const find = (name) => element.querySelector(name);
const [canvas, chips, toggle, tools] = ["canvas", ".sz-chips", ".sz-toggle", ".sz-tools"].map(find);
const [size, erase, rest, clear] = [".sz-size", ".sz-erase", ".sz-rest", ".sz-clear"].map(find);
const stage = document.querySelector(".sz-stage");
const [photo, stylized] = [".sz-before", ".sz-after"].map((name) => stage.querySelector(name));
const COLOURS = ["#e4572e", "#17a398", "#e3b23c"];
const zoo = (window.stylezoo ??= {});
let brushes = [];
let active = -1; // -1: the rest of the picture
let last = null;
let cursor = null; // where the arrow keys have led, in px of the canvas
let tinted = false; // the strokes are seen until their result is there

const sheet = () => Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });

function reset() {
  canvas.width = photo.naturalWidth || 1;
  canvas.height = photo.naturalHeight || 1;
  brushes = COLOURS.map((colour) => ({ colour, mask: sheet(), used: false, mix: null }));
  cursor = null;
  erase.checked = rest.checked = tinted = false;
  choose(0);
  draw();
}

const open = () => toggle.getAttribute("aria-pressed") === "true";

/** Let the styles apply to a brush, or to the rest of the picture (-1). */
function choose(index) {
  active = index;
  const drawn = brushes[index];
  const brush = drawn && (open() || (drawn.used && !rest.checked)) ? drawn : null;
  if (brush && !brush.mix) brush.mix = [...(zoo.mix ?? [])];
  const set = (mix) => {
    brush.mix = mix;
    label();
    if (brush.used) send();
  };
  const target = brush ? { mix: brush.mix, set, element: stage } : null;
  document.dispatchEvent(new CustomEvent("stylezoo:target", { detail: target }));
  label();
}

/** Return the ids of the styles that the picture has besides those of a target. */
zoo.others = (target) => {
  const mixes = brushes.filter(({ used, mix }) => used && mix && mix !== target?.mix).map(({ mix }) => mix);
  if (target && rest.checked) mixes.push(zoo.mix);
  return mixes.flat().map(([id]) => id);
};

function label() {
  const names = ["The rest", ...brushes.map(({ mix }, i) => `${i + 1}${mix?.length ? ` ${zoo.titleOf?.(mix) ?? ""}` : ""}`)];
  chips.replaceChildren(
    ...names.map((text, i) => {
      const chip = Object.assign(document.createElement("button"), { type: "button", textContent: text, onclick: () => choose(i - 1) });
      chip.setAttribute("aria-pressed", active === i - 1);
      if (i) chip.style.setProperty("--sz-ink-of", COLOURS[i - 1]);
      chip.hidden = !i && !rest.checked;
      return chip;
    }),
  );
  const used = brushes.some((brush) => brush.used);
  [erase, rest, clear].forEach((tool) => (tool.disabled = !used));
  stage.dataset.brush = !open() ? "off" : used ? "used" : "new"; // "new": the photo is seen
}

function dab(context, from, to, width) {
  Object.assign(context, { lineWidth: width, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x + 0.01, to.y);
  context.stroke();
}

function stroke(from, to) {
  const width = (Math.max(canvas.width, canvas.height) * size.value) / 100;
  brushes.forEach((brush, index) => {
    const context = brush.mask.getContext("2d");
    const stylizes = index === active && !erase.checked;
    context.globalCompositeOperation = stylizes ? "source-over" : "destination-out";
    dab(context, from, to, width);
    brush.used ||= stylizes;
  });
  tinted = true;
  draw();
}

function draw() {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (const { colour, mask, used } of brushes) {
    if (!used || !(tinted || erase.checked)) continue;
    const tint = sheet();
    const ink = tint.getContext("2d");
    ink.drawImage(mask, 0, 0);
    ink.globalCompositeOperation = "source-in";
    ink.fillStyle = colour;
    ink.fillRect(0, 0, tint.width, tint.height);
    context.globalAlpha = 0.6;
    context.drawImage(tint, 0, 0);
    context.globalAlpha = 1;
  }
  if (cursor && document.activeElement === canvas) {
    context.strokeStyle = "#fff";
    context.lineWidth = Math.max(2, canvas.width / 300);
    context.beginPath();
    context.arc(cursor.x, cursor.y, (Math.max(canvas.width, canvas.height) * size.value) / 200, 0, 7);
    context.stroke();
  }
}

function send() {
  const regions = brushes.filter(({ used, mix }) => used && mix?.length).map(({ mask, mix }) => {
    const page = sheet();
    const context = page.getContext("2d");
    context.fillRect(0, 0, page.width, page.height);
    context.drawImage(mask, 0, 0);
    return { mix, mask: page.toDataURL("image/png") };
  });
  choose(active); // for there may be other styles to choose from
  props.value = regions.length ? { regions, rest: rest.checked } : null;
  trigger("input");
}

const at = (event) => {
  const box = canvas.getBoundingClientRect();
  return { x: ((event.clientX - box.left) * canvas.width) / box.width, y: ((event.clientY - box.top) * canvas.height) / box.height };
};
canvas.onpointerdown = (event) => {
  if (active < 0 && !erase.checked) choose(0);
  canvas.setPointerCapture(event.pointerId);
  last = at(event);
  stroke(last, last);
};
canvas.onpointermove = (event) => {
  if (!last) return;
  const next = at(event);
  stroke(last, next);
  last = next;
};
canvas.onpointerup = canvas.onpointercancel = () => {
  if (last) send();
  last = null;
};
canvas.onkeydown = (event) => {
  const step = Math.max(canvas.width, canvas.height) / 40;
  const way = { ArrowRight: [step, 0], ArrowLeft: [-step, 0], ArrowDown: [0, step], ArrowUp: [0, -step], " ": [0, 0] }[event.key];
  if (!way) return;
  event.preventDefault();
  const from = cursor ?? { x: canvas.width / 2, y: canvas.height / 2 };
  cursor = { x: Math.min(canvas.width, Math.max(0, from.x + way[0])), y: Math.min(canvas.height, Math.max(0, from.y + way[1])) };
  if (event.key === " ") last = cursor;
  if (last) stroke(from, cursor);
  draw();
};
canvas.onkeyup = (event) => {
  if (event.key === " " && last) (last = null), send();
};
canvas.onblur = draw;
erase.onchange = draw;
rest.onchange = () => {
  if (!rest.checked && active < 0) choose(0);
  label();
  send();
};
clear.onclick = () => {
  reset();
  send();
};
toggle.onclick = () => {
  toggle.setAttribute("aria-pressed", !open());
  tools.hidden = canvas.hidden = !open();
  choose(Math.max(active, 0));
};
photo.addEventListener("load", reset);
stylized.addEventListener("load", () => {
  tinted = false;
  draw();
});
stage.querySelector(".sz-picture").append(canvas);
stage.append(toggle);
reset();
