"use strict";
// Updates the part of the page that changes every second. Without JavaScript it does not change.
const shown = document.getElementById("shown");
let last = null;

// Whether the visitor has typed something that an update would delete.
function isTyping() {
  return [...shown.querySelectorAll("input:not([type=hidden])")].some((input) => input.value !== "");
}

async function update() {
  try {
    const response = await fetch(shown.dataset.source, { cache: "no-store" });
    const text = await response.text();
    if (response.ok && text !== last && !isTyping()) {
      const open = new Set([...shown.querySelectorAll("details[open]")].map((details) => details.id));
      const focused = document.activeElement.id;
      shown.innerHTML = text;
      for (const details of shown.querySelectorAll("details")) {
        if (open.has(details.id)) details.open = true;
      }
      if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
      last = text;
    }
    document.body.classList.remove("offline");
  } catch {
    document.body.classList.add("offline");
  }
  setTimeout(update, 1000);
}

update();
