// Photos that come with the page. The value is the number of the one that was chosen last.
const row = element.querySelector(".sz-samples");
props.photos.forEach(({ name, src }, index) => {
  const button = Object.assign(document.createElement("button"), { type: "button", title: `Sample photo: ${name}` });
  button.append(Object.assign(document.createElement("img"), { src, alt: `Sample photo: ${name}` }));
  button.onclick = () => {
    props.value = index;
    trigger("input");
  };
  row.append(button);
});
