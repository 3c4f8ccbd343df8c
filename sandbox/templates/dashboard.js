"use strict";
// Updates the payments and the refused requests every second. Without JavaScript the page does not change.
const shown = document.getElementById("shown");
let last = null;

async function update() {
  try {
    const response = await fetch("/sandbox/shown?lang=" + document.documentElement.lang, { cache: "no-store" });
    const text = await response.text();
    if (response.ok && text !== last) {
      const open = new Set([...shown.querySelectorAll("details[open]")].map((details) => details.id));
      shown.innerHTML = text;
      for (const details of shown.querySelectorAll("details")) {
        if (open.has(details.id)) details.open = true;
      }
      last = text;
    }
    document.body.classList.remove("offline");
  } catch {
    document.body.classList.add("offline");
  }
  setTimeout(update, 1000);
}

update();
