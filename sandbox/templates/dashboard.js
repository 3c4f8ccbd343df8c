"use strict";
// Shows what changed since the page was loaded. Without it the page is simply as old as its loading.
const shown = document.getElementById("shown");
let last = null;

async function look() {
  try {
    const answer = await fetch("/sandbox/shown?lang=" + document.documentElement.lang, { cache: "no-store" });
    const text = await answer.text();
    if (answer.ok && text !== last) {
      const open = new Set([...shown.querySelectorAll("details[open]")].map((one) => one.id));
      shown.innerHTML = text;
      for (const one of shown.querySelectorAll("details")) {
        if (open.has(one.id)) one.open = true;
      }
      last = text;
    }
    document.body.classList.remove("away");
  } catch {
    document.body.classList.add("away");
  }
  setTimeout(look, 1000);
}

look();
