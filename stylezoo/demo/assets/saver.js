// A file that the server has made is saved at once, and its link stays.
const line = element.querySelector(".sz-saver");
watch("value", () => {
  line.replaceChildren();
  if (!props.value) return;
  const { file, name, note } = props.value;
  const link = Object.assign(document.createElement("a"), { href: file.url, download: name, textContent: name });
  line.append(link, ` ${note}`);
  link.click();
});
