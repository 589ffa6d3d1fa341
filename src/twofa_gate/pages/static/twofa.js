// Conveniences only: every page works without this script.
// It loads before the first paint, so that what needs it (.js, .clip) is there from the start.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  if (navigator.clipboard) root.classList.add("clip");

  const all = (selector) => document.querySelectorAll(selector);
  const digits = (input) => input.value.replace(/[\s-]/g, "");
  const complete = (input) => /^[0-9]{6}$/.test(digits(input));

  // Send the code when its last digit is typed or pasted, but not into a wait.
  const submitWhenComplete = (input) => {
    const described = [input.getAttribute("aria-describedby"), input.dataset.submit];
    input.setAttribute("aria-describedby", described.filter(Boolean).join(" "));
    input.addEventListener("input", () => {
      if (complete(input) && !document.querySelector("[data-retry-after]")) input.form.requestSubmit();
    });
  };

  // Go on from one code of three to the next.
  const stepOn = (input, i, inputs) => {
    input.addEventListener("input", () => {
      if (complete(input) && inputs[i + 1]) inputs[i + 1].focus();
    });
  };

  // Send a form once, even if its button is pressed twice.
  const sendOnce = (form) => {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
      setTimeout(() => delete form.dataset.sent, 5000);
    });
  };

  // Count a wait down, and say when it ends by the clock here: the server knows no time zone but its own.
  const countDown = (timer) => {
    const end = Date.now() + timer.dataset.retryAfter * 1000;
    const line = timer.parentElement;
    const digits = timer.querySelector(".js");
    const clock = line.querySelector("[data-clock]");
    if (clock) clock.textContent = new Date(end + 59999).toLocaleTimeString(root.lang, { hour: "numeric", minute: "2-digit" });
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      if (left <= 0) {
        line.textContent = timer.dataset.done;
        return;
      }
      if (digits) digits.textContent = Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0");
      setTimeout(tick, 500);
    };
    tick();
    line.classList.add("ready");
  };

  // Suggest the time zones that the browser knows; on the page they would weigh as much as all the rest.
  const suggestZones = (input) => {
    const suggest = () => {
      const names = Intl.supportedValuesOf ? Intl.supportedValuesOf("timeZone") : [];
      input.list.replaceChildren(...names.map((name) => new Option(name, name)));
    };
    input.addEventListener("focus", suggest, { once: true });
  };

  const keyText = (element) => element.textContent.replace(/\s/g, "");
  const sheetText = (element) => {
    const codes = [...element.querySelectorAll("code")].map((code) => code.textContent);
    return [element.dataset.title, "", ...codes, ""].join("\n");
  };
  const textOf = (id) => {
    const element = document.getElementById(id);
    return element.dataset.title ? sheetText(element) : keyText(element);
  };

  const copy = (button) => {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(textOf(button.dataset.copy));
      button.textContent = button.dataset.done;
    });
  };
  const download = (button) => {
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([textOf(button.dataset.download)], { type: "text/plain" }));
      // Named for whom the codes are: people keep files of several services.
      const { title } = document.getElementById(button.dataset.download).dataset;
      link.download = title.match(/[\p{L}\p{N}]+/gu).join("-").toLowerCase() + ".txt";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    all("input[data-submit]").forEach(submitWhenComplete);
    all("input[data-step]").forEach(stepOn);
    all("form").forEach(sendOnce);
    all("[data-retry-after]").forEach(countDown);
    all("input[list=zones]").forEach(suggestZones);
    all("[data-copy]").forEach(copy);
    all("[data-download]").forEach(download);
    all("[data-print]").forEach((button) => button.addEventListener("click", () => print()));
  });
})();
