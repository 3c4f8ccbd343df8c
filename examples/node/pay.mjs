/**
 * Takes a payment by card, or by phone if you give a phone number, and waits for the customer.
 *
 *     node pay.mjs REFERENCE AMOUNT CURRENCY [PHONE]
 *
 * Exit status: 0 paid; 1 not paid; 2 unknown: the customer may have paid, or may still pay.
 *
 * Environment: FLEXPAY_PROGRAM is the path of the program flexpay, unless it is on the PATH. The
 * program itself reads FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_API=v1.1 (only v1.1 returns the order
 * number that a wait requires), and the others of flexpay_client_from_env. FLEXPAY_TILL_WAIT_S is how
 * long to wait for the customer, and FLEXPAY_TILL_GRACE_S how long a decline must last to be final, in
 * seconds.
 */

import { FlexPay } from './flexpay.mjs';

const [reference, amount, currency, phone] = process.argv.slice(2);
if (!currency) {
  console.error('usage: node pay.mjs REFERENCE AMOUNT CURRENCY [PHONE]');
  process.exit(1);
}
// An error that nothing catches, such as an output that nobody reads, may have come after the payment was
// requested. Without this, the exit status would be 1.
process.on('uncaughtException', (error) => {
  console.error(error);
  process.exit(2);
});
/** The final states of an order that is not paid. */
const NOT_PAID = ['FAILED', 'CANCELLED', 'REFUNDING', 'REFUNDED'];
const milliseconds = (name) => Number(process.env[name] ?? 0) * 1000; // 0 is the default of the library

const flexpay = new FlexPay();
try {
  process.exitCode = await takePayment();
} finally {
  await flexpay.close();
}

async function takePayment() {
  // Shown before anything is sent. A shop writes it into its database here.
  console.log(`Requesting ${amount} ${currency}, reference ${reference} …`);
  let orderNumber;
  try {
    orderNumber = await requestPayment();
  } catch (error) {
    // Only these two say that there is no payment. Any other error says nothing, also one of this program.
    if (['NOT_SENT', 'REFUSED'].includes(error.outcome)) {
      console.log(`${error.outcome}: ${error.message}`);
      return 1;
    }
    // The request may have arrived. It is never sent again. With an order number we can still wait.
    if (!error.order_number) return unknown(error);
    orderNumber = error.order_number;
  }
  try {
    const { state } = await waitForCustomer(orderNumber);
    if (state !== 'PAID' && !NOT_PAID.includes(state)) {
      return unknown(new Error(`the state is ${state}`), orderNumber);
    }
    console.log(state === 'PAID' ? 'PAID' : `NOT PAID: ${state}`);
    return state === 'PAID' ? 0 : 1;
  } catch (error) {
    return unknown(error, orderNumber);
  }
}

async function requestPayment() {
  const request = {
    reference, // chosen by you; never use one twice
    amount,
    currency,
    callback_url: 'https://shop.example/callback',
    approve_url: 'https://shop.example/thanks',
    cancel_url: 'https://shop.example/cart',
    decline_url: 'https://shop.example/declined',
  };
  if (phone) {
    const payment = await flexpay.call('pay_mobile', { ...request, phone });
    console.log('The customer confirms on the phone.');
    return payment.order_number;
  }
  const payment = await flexpay.call('pay', request);
  console.log(`Send the customer to ${payment.redirect_url ?? payment.page}`);
  return payment.order_number;
}

/** A wait changes nothing. So it may be repeated, with a new bridge, if the first one died. */
async function waitForCustomer(orderNumber) {
  const request = {
    order_number: orderNumber,
    timeout_ms: milliseconds('FLEXPAY_TILL_WAIT_S'),
    failed_grace_ms: milliseconds('FLEXPAY_TILL_GRACE_S'),
    // Accept no other payment.
    expected: { reference, amount, currency, order_number: orderNumber, kind: phone ? 'MOBILE' : 'CARD' },
  };
  try {
    return await flexpay.call('wait', request);
  } catch (error) {
    if (error.code !== 'BRIDGE') throw error;
    return flexpay.call('wait', request);
  }
}

function unknown(error, orderNumber) {
  const first = orderNumber
    ? `check the order ${orderNumber}`
    : `look for ${reference} in FlexPay's merchant console`;
  console.log('UNKNOWN: the customer may have paid, or may still pay.');
  console.log(`Do not request this payment again: ${first} first.`);
  console.log(`Why: ${error.message}`);
  return 2;
}
