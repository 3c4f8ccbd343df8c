// For pages.sh: node pages.js NAME ADDRESS NAME ADDRESS …          (OUT: where the pictures go)
"use strict";
const fs = require("fs");
const { chromium } = require("playwright-core");

const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const words = process.argv.slice(2);
const pages = [];
while (words.length > 0) pages.push(words.splice(0, 2));

// What is wrong with a page, as lines for a person.
async function faults(page) {
  const found = [];
  const beside = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  if (beside > 0) found.push(`scrolls sideways by ${beside} pixels`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run());
  for (const { id, impact, help, nodes } of violations) {
    found.push(`${id} (${impact}): ${help}: ${nodes[0].target.join(" ")}`);
  }
  return found;
}

async function look() {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  let count = 0;
  for (const width of [1200, 390]) {
    // The pages allow no script but their own; axe-core is one.
    const context = await browser.newContext({ viewport: { width, height: 900 }, bypassCSP: true });
    const page = await context.newPage();
    for (const [name, address] of pages) {
      await page.goto(address);
      await page.screenshot({ path: `${process.env.OUT}/${name}-${width}.png`, fullPage: true });
      for (const fault of await faults(page)) {
        console.log(`${name}, ${width} pixels: ${fault}`);
        count += 1;
      }
    }
  }
  await browser.close();
  console.log(`pages: ${pages.length} looked at, in two widths: ${count} faults`);
  process.exitCode = count === 0 ? 0 : 1;
}

look();
