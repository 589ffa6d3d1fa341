// The page of the hut: a login, the bookings, and the weather.
import { begin, call, isFree } from "./twofa.js";
import { questionIn } from "./dialog.js";

const part = (id) => document.getElementById(id);
const ask = questionIn(part("twofa"));
const json = (value) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(value),
});

async function showBookings(options) {
  const answer = await call("/api/bookings", options, ask).catch(() => ({ ok: false })); // the network is down
  part("again").hidden = answer.ok;
  part("said").textContent = answer.ok ? "" : "That was not done. The bookings may have changed.";
  if (!answer.ok) return false;
  const { bookings } = await answer.json();
  part("bookings").replaceChildren(...bookings.map(({ guest, beds }) => {
    const item = document.createElement("li");
    item.textContent = `${guest}: ${beds} beds`;
    return item;
  }));
  return true;
}

let socket = null;

function listen() {
  if (socket && socket.readyState <= WebSocket.OPEN) return;
  const address = new URL("/api/weather", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  socket = new WebSocket(address);
  socket.addEventListener("message", (event) => { part("weather").textContent = event.data; });
  socket.addEventListener("close", async () => {
    part("weather").textContent = "Not connected.";
    const free = await isFree("/api/weather", ask).catch(() => true); // the network is down: try again later
    if (free) setTimeout(listen, 1000);
  });
}

function start() {
  showBookings();
  listen();
}

part("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = json(Object.fromEntries(new FormData(event.target)));
  const answer = await fetch("/login", given);
  if (answer.ok) location.reload();
  else part("login-said").textContent = "E-mail address or password is wrong.";
});
part("logout").addEventListener("click", async () => {
  await fetch("/logout", json({}));
  location.reload();
});
part("book").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { guest, beds } = Object.fromEntries(new FormData(event.target));
  if (await showBookings(json({ guest, beds: Number(beds) }))) event.target.reset();
});
part("again").addEventListener("click", start);

const status = await begin();
part("login").hidden = status !== null;
part("hut").hidden = status === null;
if (status) {
  part("user").textContent = status.user;
  start();
}
