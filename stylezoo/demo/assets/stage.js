// The painting, with the photo to the left of a line that can be moved by pointer, finger and arrow keys.
const figure = element.querySelector(".sz-stage");
const [after, before] = [element.querySelector(".sz-after"), element.querySelector(".sz-before")];
const wipe = element.querySelector(".sz-wipe");
const caption = element.querySelector("figcaption");

function draw() {
  const { photo, painting, title, note } = props.value ?? {};
  figure.dataset.state = painting ? "stylized" : photo ? "photo" : "empty";
  if (photo) before.src = photo;
  if (painting || photo) after.src = painting ?? photo;
  before.alt = photo ? "Your photo" : "";
  after.alt = painting ? `Your photo stylized: ${title}` : "";
  caption.replaceChildren();
  if (painting) {
    const name = Object.assign(document.createElement("strong"), { textContent: title });
    caption.append(name, document.createElement("br"), note ?? "");
  }
}

wipe.oninput = () => element.style.setProperty("--sz-wipe", `${wipe.value}%`);
wipe.ondblclick = () => ((wipe.value = 50), wipe.oninput());
watch("value", draw);
draw();
