// Calls the application's API. Where the gate refuses, asks for a code in place and calls again.
export async function call(url, options = {}, askForCode) {
  const answer = await fetch(url, options);
  if (answer.status !== 403 || !isProblem(answer)) return answer;
  const problem = await answer.clone().json();
  if (problem.decision === "challenge" && askForCode && (await verify(askForCode))) return fetch(url, options);
  if (problem.url) location.assign(problem.url); // the gate's page; it leads back here
  return answer;
}

async function verify(askForCode) {
  const status = await (await fetch("/2fa/api/v1/status")).json();
  const answer = await fetch("/2fa/api/v1/challenge", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": status.csrf },
    body: JSON.stringify({ code: await askForCode() }),
  });
  return answer.ok;
}

function isProblem(answer) {
  return (answer.headers.get("Content-Type") || "").startsWith("application/problem+json");
}
