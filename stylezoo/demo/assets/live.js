// The camera, stylized: frames of `props.side` px go to the server one after the other, two under way at most.
const find = (name) => element.querySelector(name);
const [root, video, stylized, start, speed, said] = [".sz-live", "video", ".sz-stylized", ".sz-start", ".sz-speed", ".sz-said"].map(find);
const small = document.createElement("canvas");
const zoo = (window.stylezoo ??= {});
let stream = null;
let sent = 0;
let shown = 0;
let waiting = 0;
let times = [];

function capture() {
  const scale = props.side / Math.max(video.videoWidth, video.videoHeight, 1);
  small.width = Math.max(1, Math.round(video.videoWidth * scale));
  small.height = Math.max(1, Math.round(video.videoHeight * scale));
  const context = small.getContext("2d");
  context.setTransform(-1, 0, 0, 1, small.width, 0); // as in a mirror
  context.drawImage(video, 0, 0, small.width, small.height);
  return small.toDataURL("image/jpeg", 0.85);
}

async function ask() {
  if (!stream || waiting >= 2 || document.hidden || !video.videoWidth) return;
  const number = ++sent;
  waiting += 1;
  try {
    const answer = await server.frame({ ...zoo.request, mix: zoo.mix, image: capture() });
    if (!stream) return;
    if (answer.error) return halt(answer.error);
    if (number <= shown) return; // a later one was quicker
    shown = number;
    stylized.src = answer.image;
    const now = performance.now();
    times = [...times.filter((time) => now - time < 2000), now];
    root.dataset.state = "on";
    if (times.length > 2) speed.textContent = `${(((times.length - 1) * 1000) / (now - times[0])).toFixed(0)} frames a second`;
  } catch {
    halt("The server did not answer: start the camera again.");
  } finally {
    waiting -= 1;
  }
}

function halt(message = "") {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  root.dataset.state = "off";
  start.textContent = "Start the camera";
  said.textContent = message;
  speed.textContent = "";
}

async function loop() {
  while (stream) {
    if (!element.offsetParent) return halt(); // another tab was chosen
    ask();
    await new Promise((done) => setTimeout(done, waiting >= 2 ? 8 : 25));
  }
}

start.onclick = async () => {
  if (stream) return halt();
  said.textContent = "";
  if (!navigator.mediaDevices) return halt("Browsers give the camera only to pages on this computer or behind https.");
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: props.side * 2 }, facingMode: "user" } });
  } catch {
    return halt("There is no camera, or this page may not use it.");
  }
  video.srcObject = stream;
  await video.play();
  start.textContent = "Stop";
  times = [];
  loop();
};
