// The stylized image, with the photo to the left of a divider that can be moved by pointer, finger and arrow keys.
const [figure, after, before, wipe, caption] = ["figure", ".sz-after", ".sz-before", ".sz-wipe", "figcaption"].map((name) => element.querySelector(name));

function draw() {
  const { photo, stylized, title, note } = props.value ?? {};
  figure.dataset.state = stylized ? "stylized" : photo ? "photo" : "empty";
  if (photo && before.src !== photo) before.src = photo; // its load event says that there is another photo
  if (stylized || photo) after.src = stylized ?? photo;
  before.alt = photo ? "Your photo" : "";
  after.alt = stylized ? `Your photo stylized: ${title}` : "";
  if (!stylized) return caption.replaceChildren();
  caption.replaceChildren(Object.assign(document.createElement("strong"), { textContent: title }), ` ${note}`);
}

wipe.oninput = () => figure.style.setProperty("--sz-wipe", `${wipe.value}%`);
wipe.ondblclick = () => ((wipe.value = 50), wipe.oninput());
watch("value", draw);
draw();
