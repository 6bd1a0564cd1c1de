// The styles as pictures. One is chosen, or up to `most` of them with weights. What is chosen belongs to a target: the
// whole picture ("rest"), or one of the brushes, which then keeps it.
const grid = element.querySelector(".sz-cards");
const mixer = element.querySelector(".sz-mixer");
const several = element.querySelector(".sz-several input");
const zoo = (window.stylezoo ??= {});
let target = null; // {mix, set, element} of a brush, which counts while it is seen; null: the whole picture
let timer = 0;

const make = (tag, attributes = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
};
const cards = () => [...(props.own ? [props.own] : []), ...props.cards.map((one, i) => ({ ...one, src: props.pictures[i] }))];
const card = (id) => cards().find((one) => one.id === id);
const together = (ids) => props.nets.some((net) => ids.every((id) => net.includes(id)));
const brush = () => (target?.element.offsetParent ? target : null);
const mix = () => (brush() ?? props.value)?.mix ?? [];
const most = () => (several.checked ? props.most : 1);
const others = () => zoo.others?.(brush()) ?? []; // ids that the rest of the picture has

function set(next, soon = false) {
  const one = brush();
  if (one) one.mix = next;
  else props.value = { mix: next };
  zoo.mix = props.value?.mix ?? [];
  draw();
  clearTimeout(timer);
  const done = one ? one.set : () => trigger("input");
  timer = setTimeout(() => done(next), soon ? 250 : 0);
}

function toggle(id) {
  const now = mix();
  if (most() === 1) return set([[id, 1]]);
  if (now.some(([one]) => one === id)) return now.length > 1 && set(now.filter(([one]) => one !== id));
  const next = [...now, [id, 1]].slice(-most());
  set(together([...others(), ...next.map(([one]) => one)]) ? next : [[id, 1]]);
}

function drawCards() {
  const chosen = new Set(mix().map(([id]) => id));
  const shown = cards();
  shown.forEach(({ id, title, by, src }, index) => {
    let button = grid.children[index];
    if (button?.dataset.id !== id) {
      button = make("button", { type: "button", className: "sz-card" }, make("img"), make("span", { className: "sz-title" }));
      button.dataset.id = id;
      button.onclick = () => toggle(id);
      grid.children[index] ? grid.replaceChild(button, grid.children[index]) : grid.append(button);
    }
    const [picture, text] = button.children;
    if (src && picture.src !== src) picture.src = src;
    picture.alt = "";
    picture.draggable = false;
    button.classList.toggle("sz-waiting", !src);
    text.textContent = title;
    button.title = by ? `${title}, ${by}` : title;
    button.setAttribute("aria-label", button.title);
    button.setAttribute("aria-pressed", chosen.has(id));
    button.disabled = !together([...others(), id]);
  });
  while (grid.children.length > shown.length) grid.lastChild.remove();
}

function drawMixer() {
  const now = mix();
  mixer.hidden = now.length < 2;
  const ids = now.map(([id]) => id).join();
  if (mixer.dataset.ids !== ids) {
    mixer.dataset.ids = ids;
    mixer.replaceChildren(
      ...now.map(([id], index) => {
        const range = make("input", { type: "range", min: 0, max: 100, step: 1 });
        range.setAttribute("aria-label", `Share of ${card(id)?.title ?? id}`);
        range.oninput = () => {
          const next = mix().map((pair) => [...pair]);
          next[index][1] = range.value / 100;
          set(next, true);
        };
        return make("label", {}, make("img", { src: card(id)?.src ?? "", alt: "" }), make("span", { textContent: card(id)?.title ?? id }), range, make("output"));
      }),
    );
  }
  const total = now.reduce((sum, [, weight]) => sum + weight, 0);
  now.forEach(([, weight], index) => {
    const row = mixer.children[index];
    row.children[2].value = Math.round(weight * 100);
    row.children[3].textContent = total > 0 ? `${Math.round((100 * weight) / total)} %` : "0 %";
  });
}

function draw() {
  several.parentElement.hidden = !props.nets.some((net) => net.length > 1);
  drawCards();
  drawMixer();
}

several.onchange = () => {
  if (!several.checked && mix().length > 1) set(mix().slice(-1));
};
grid.onkeydown = (event) => {
  const buttons = [...grid.children];
  const across = buttons.filter((one) => one.offsetTop === buttons[0].offsetTop).length || 1;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
  const next = step && buttons[buttons.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
};
document.addEventListener("stylezoo:target", ({ detail }) => {
  if (!element.isConnected) return;
  target = detail;
  if (mix().length > 1) several.checked = true;
  draw();
});
zoo.titleOf = (some) => some.map(([id]) => card(id)?.title ?? id).join(" and ");
zoo.mix = props.value?.mix ?? [];
watch(["value", "pictures", "own"], () => {
  zoo.mix = props.value?.mix ?? [];
  draw();
});
draw();
