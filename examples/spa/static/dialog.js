// The question for a code, in a <dialog>: one field, which takes a code of the app or a recovery code.

const WORDS = {
  "urn:twofa-gate:wrong": "That code is not right. Enter the one that your app shows now.",
  "urn:twofa-gate:bad-request": "Enter the six digits that your app shows, or a recovery code.",
  "urn:twofa-gate:locked": "Too many tries. A recovery code still works, and so does unlocking with your app.",
};

export function questionIn(dialog) {
  const form = dialog.querySelector("form");
  const field = dialog.querySelector("input");
  const error = dialog.querySelector("[role=alert]");
  const timer = dialog.querySelector("[role=timer]");
  const unlock = dialog.querySelector(".unlock");
  const button = dialog.querySelector("button[type=submit]");
  let waits = 0; // seconds in which no code of an app is looked at
  let ticking = null;

  function mark(text) {
    error.textContent = text;
    if (text) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }

  function show(problem) {
    unlock.hidden = problem.type !== "urn:twofa-gate:locked";
    if (problem.type === "urn:twofa-gate:throttled") {
      mark("Too many tries. Wait, or enter a recovery code.");
      count(problem.retry_after);
    } else {
      mark(WORDS[problem.type] || problem.detail || problem.title);
    }
    field.focus();
    field.select();
  }

  function count(seconds) {
    clearInterval(ticking);
    waits = seconds;
    ticking = setInterval(() => {
      waits -= 1;
      tell();
      if (waits > 0) return;
      clearInterval(ticking);
      mark("");
    }, 1000);
    tell();
  }

  // A recovery code is let through: those may be tried while codes of an app have to wait.
  function tell() {
    timer.textContent = waits > 0 ? `You can try again in ${waits} s.` : "";
    button.disabled = waits > 0 && field.value.replace(/[ -]/g, "").length < 24;
  }

  field.addEventListener("input", tell);
  dialog.querySelector("button[value=cancel]").addEventListener("click", () => dialog.close());

  return function ask(submit) {
    return new Promise((resolve) => {
      const taken = async (event) => {
        event.preventDefault();
        button.disabled = true;
        mark("");
        const told = await submit(field.value).catch(() => ({ title: "There is no connection. Try again." }));
        button.disabled = false;
        if (told.done) dialog.close("done");
        else show(told);
      };
      form.addEventListener("submit", taken);
      const closed = () => {
        form.removeEventListener("submit", taken);
        clearInterval(ticking);
        resolve(dialog.returnValue === "done");
      };
      dialog.addEventListener("close", closed, { once: true });
      dialog.returnValue = "";
      field.value = "";
      waits = 0;
      mark("");
      tell();
      unlock.hidden = true;
      dialog.showModal();
    });
  };
}
