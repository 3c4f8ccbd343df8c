/**
 * Makes calls with examples/node/flexpay.mjs, and prints the results as JSON, one per line.
 *
 *     node client.mjs several|two_payments|long_line|no_call|journal|late_settlement
 */

import { writeFileSync } from 'node:fs';
import { FlexPay } from '../../../examples/node/flexpay.mjs';

const flexpay = new FlexPay();

/** Prints the result of a call, or its error. */
async function print(name, request) {
  const result = await flexpay.call(name, request).catch(({ code, outcome }) => ({ code, outcome }));
  console.log(JSON.stringify(result));
}

const payment = (reference, description) => ({
  reference,
  description,
  amount: '25.50',
  currency: 'USD',
  callback_url: 'https://shop.example/callback',
  approve_url: 'https://shop.example/thanks',
  cancel_url: 'https://shop.example/cart',
  decline_url: 'https://shop.example/declined',
});

switch (process.argv[2]) {
  case 'several': {
    const numbers = Array.from({ length: 20 }, (_, index) => `08123456${10 + index}`);
    const calls = numbers.map((phone) => flexpay.call('normalize_phone', { phone }));
    for (const { phone } of await Promise.all(calls)) console.log(JSON.stringify(phone));
    break;
  }
  case 'two_payments':
    await print('pay', payment('O-1'));
    await print('pay', payment('O-2'));
    break;
  case 'long_line':
    // Longer than what a pipe or a socket holds.
    await print('pay', payment('O-1', 'x'.repeat(1_000_000)));
    writeFileSync(process.env.RESULT, '');
    break;
  case 'journal': {
    const request = { ...payment('O-1'), phone: '0810000001' };
    await print('pay_mobile', request);
    await print('pay_mobile', request);
    await print('settle', { reference: 'O-1', wait: { timeout_ms: 60_000 } });
    await print('reconcile');
    await print('journal_acknowledge', { reference: 'O-1' });
    break;
  }
  case 'late_settlement':
    await print('settle', { reference: 'O-1', wait: {} });
    break;
  case 'no_call':
    // A line that the bridge cannot read. The next call gets a new bridge.
    await print(undefined, {});
    await print('normalize_phone', { phone: '0812345678' });
    break;
}
await flexpay.close();
