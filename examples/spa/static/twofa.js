// Calls an application behind the gate. Where a call is refused for want of a code, the person is asked for one in
// place, and the call is made once more. Anything else that is due is done on the gate's own page, which leads back.
//
// `ask` shows the question. It is given a function that takes what was typed, and answers with `{ done: true }` or with
// the problem; it has to return a promise: `true` once that was done, `false` if the person gives up.

const API = "/2fa/api/v1";

let user = null; // for whom this page was made
let asking = null; // the one question that every refused call waits for

// Learn who is signed in: to be called when the page starts. Gives their status, or null if nobody is.
export async function begin() {
  const status = await getStatus();
  user = status && status.user;
  return status;
}

// Like fetch. The body in `options` must be one that can be sent twice: a string or a form, not a stream.
export async function call(url, options, ask) {
  const answer = await fetch(url, options);
  const problem = await refusalOf(answer);
  if (!problem || !(await resolve(problem, ask))) return answer;
  const again = await fetch(url, options);
  const still = await refusalOf(again);
  if (still) location.assign(still.url); // what was entered isn't enough there
  return again;
}

// Whether a WebSocket that failed is worth another try. A browser doesn't tell why it failed; a call to the same
// address does, since the gate refuses both alike.
export async function isFree(url, ask) {
  const problem = await refusalOf(await fetch(url));
  return !problem || resolve(problem, ask);
}

async function refusalOf(answer) {
  const kind = answer.headers.get("Content-Type") || "";
  if (answer.status !== 403 || !kind.startsWith("application/problem+json")) return null;
  const problem = await answer.clone().json();
  return "decision" in problem ? problem : null;
}

function resolve(problem, ask) {
  if (problem.decision !== "challenge") {
    location.assign(problem.url); // to set up, or to read why they are kept out
    return false;
  }
  asking ??= question(problem, ask).finally(() => { asking = null; });
  return asking;
}

async function question(problem, ask) {
  const next = new URL(problem.url, location.href).searchParams.get("next");
  let status = await getStatus(next);
  if (isSomebodyElse(status)) return startAnew();
  if (status.decision === "pass" && !("max_age" in problem)) return true; // done in another tab meanwhile
  return ask(async (code) => {
    let told = await post(code, next, status.csrf);
    if (told.type === "urn:twofa-gate:csrf") {
      status = await getStatus(next); // the token is another login's, or too old
      told = isSomebodyElse(status) ? { type: "urn:twofa-gate:anonymous" } : await post(code, next, status.csrf);
    }
    if (told.type === "urn:twofa-gate:anonymous") return startAnew();
    // Where a recovery code doesn't count, a new device has to be set up first.
    if (told.verified && told.continue.startsWith("/2fa/enroll")) location.assign(told.continue);
    return told.verified ? { done: true } : told;
  });
}

async function getStatus(next) {
  const query = next ? `?next=${encodeURIComponent(next)}` : "";
  const answer = await fetch(`${API}/status${query}`);
  if (answer.status === 401) return null;
  if (!answer.ok) throw new Error((await answer.json()).title);
  return answer.json();
}

async function post(code, next, csrf) {
  const answer = await fetch(`${API}/challenge`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify({ code, next: next || "" }),
  });
  return answer.json();
}

function isSomebodyElse(status) {
  return !status || status.user !== user;
}

// What this page shows is another person's, or nobody's any more. Nothing goes on after this.
function startAnew() {
  location.reload();
  return new Promise(() => {});
}
