// Shows what the harbor's WebSocket says, and sends what is typed.
const list = document.getElementById("radio");
const state = document.getElementById("state");
const form = document.getElementById("say");

const url = new URL(list.dataset.url, location.href);
url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
const socket = new WebSocket(url);

socket.addEventListener("open", () => { state.textContent = "Connected."; });
socket.addEventListener("close", (event) => { state.textContent = `Closed (${event.code}).`; });
socket.addEventListener("message", (event) => {
  const item = document.createElement("li");
  item.textContent = event.data;
  list.prepend(item);
  while (list.children.length > 20) list.lastElementChild.remove();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket.readyState === WebSocket.OPEN) socket.send(form.elements.text.value);
  form.reset();
});
