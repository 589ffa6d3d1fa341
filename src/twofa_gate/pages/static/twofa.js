// Conveniences only: every page works without this script.
(() => {
  "use strict";
  const all = (selector) => document.querySelectorAll(selector);
  const waiting = () => document.querySelector("[data-retry-after]:not([data-over])");

  // Send the code when its sixth digit is typed or pasted, unless a recovery code may be meant.
  all("input[data-submit]").forEach((input) => {
    input.addEventListener("input", () => {
      const digits = input.value.replace(/[\s-]/g, "");
      if (/^[0-9]{6}$/.test(digits) && !waiting()) input.form.requestSubmit();
    });
  });

  // From one code of three to the next.
  const steps = [...all("input[data-step]")];
  steps.forEach((input, i) => {
    input.addEventListener("input", () => {
      if (/^[0-9]{6}$/.test(input.value) && steps[i + 1]) steps[i + 1].focus();
    });
  });

  // A form goes out once, also if its button is pressed twice.
  all("form").forEach((form) => {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "1";
    });
  });
  addEventListener("pageshow", () => all("form").forEach((form) => delete form.dataset.sent));

  // Count the wait down to the moment when a code is accepted again.
  all("[data-retry-after]").forEach((timer) => {
    const end = performance.now() + timer.dataset.retryAfter * 1000;
    const tick = () => {
      const left = Math.ceil((end - performance.now()) / 1000);
      if (left <= 0) {
        timer.dataset.over = "1";
        timer.parentElement.textContent = timer.dataset.done;
        return;
      }
      const pad = (n) => String(n).padStart(2, "0");
      const hours = Math.floor(left / 3600);
      const minutes = Math.floor(left / 60) % 60;
      timer.textContent = (hours ? hours + ":" + pad(minutes) : minutes) + ":" + pad(left % 60);
      setTimeout(tick, 250);
    };
    tick();
  });

  // Copy, download and print exist only where they can work.
  const text = (id, strip) => {
    const source = document.getElementById(id);
    if (strip) return source.textContent.replace(/\s/g, "");
    const lines = [...source.querySelectorAll("code")].map((code) => code.textContent);
    return [source.dataset.title, "", ...lines, ""].join("\n");
  };
  all("[data-js]").forEach((element) => { element.hidden = false; });
  all("[data-copy]").forEach((button) => {
    if (!navigator.clipboard) {
      button.hidden = true;
      return;
    }
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text(button.dataset.copy, "strip" in button.dataset));
      button.textContent = button.dataset.done;
    });
  });
  all("[data-download]").forEach((button) => {
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text(button.dataset.download)], { type: "text/plain" }));
      link.download = "recovery-codes.txt";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  });
  all("[data-print]").forEach((button) => button.addEventListener("click", () => print()));
})();
