// Run by check-pages.sh: node check-pages.js NAME ADDRESS NAME ADDRESS …
//
// SCREENSHOTS   the folder for the screenshots
"use strict";
const fs = require("fs");
const { chromium } = require("playwright-core");

const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const args = process.argv.slice(2);
const pages = [];
while (args.length > 0) pages.push(args.splice(0, 2));

// Returns the problems of a page, one line of text each.
async function findProblems(page) {
  const found = [];
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  if (overflow > 0) found.push(`scrolls sideways by ${overflow} pixels`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run());
  for (const { id, impact, help, nodes } of violations) {
    found.push(`${id} (${impact}): ${help}: ${nodes[0].target.join(" ")}`);
  }
  return found;
}

async function main() {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  let count = 0;
  for (const width of [1200, 390]) {
    // bypassCSP: the pages allow only their own scripts, and axe-core is another.
    const context = await browser.newContext({ viewport: { width, height: 900 }, bypassCSP: true });
    const page = await context.newPage();
    for (const [name, address] of pages) {
      await page.goto(address);
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}-${width}.png`, fullPage: true });
      for (const problem of await findProblems(page)) {
        console.log(`${name}, ${width} pixels: ${problem}`);
        count += 1;
      }
    }
  }
  await browser.close();
  console.log(`pages: ${pages.length} checked, at two widths: ${count} problems`);
  process.exitCode = count === 0 ? 0 : 1;
}

main();
