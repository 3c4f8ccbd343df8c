/**
 * A client for `flexpay bridge`. Copy this file into your program: it needs Node 18 or later, and no
 * packages. docs/bridge.md describes the protocol: the calls, their requests and their results.
 *
 *     const flexpay = new FlexPay();
 *     const payment = await flexpay.call('pay', { reference: 'INVOICE-0017', amount: '25.50', … });
 *     await flexpay.close();
 */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * A call that failed. It has the fields of the protocol's error. The most important one is `outcome`:
 *
 * - NOT_SENT: nothing was sent. You may repeat the call.
 * - REFUSED: the gateway refused. Correct the cause first.
 * - UNKNOWN: a payment may have been made. Do not repeat it. Check first.
 */
export class FlexPayError extends Error {
  constructor({ message, ...fields }) {
    super(message);
    Object.assign(this, { name: 'FlexPayError', ...fields });
  }
}

/** Makes calls through a bridge, and starts a new one if the last one ended. */
export class FlexPay {
  #program;
  #settings;
  #bridge;

  /**
   * @param program   the path of the program
   * @param settings  the settings of the client, instead of those of the environment
   */
  constructor({ program = process.env.FLEXPAY_PROGRAM || 'flexpay', settings } = {}) {
    this.#program = program;
    this.#settings = settings;
  }

  /** Makes a call. Returns its result, or throws a FlexPayError. Several calls may be in flight. */
  async call(name, request) {
    if (!this.#bridge?.isAlive) this.#bridge = new Bridge(this.#program, this.#settings);
    const bridge = this.#bridge;
    try {
      await bridge.hello;
    } catch (error) {
      // Whatever happened to the hello: the call itself was not sent.
      throw new FlexPayError({ ...error, message: error.message, outcome: 'NOT_SENT' });
    }
    return bridge.call(name, request);
  }

  /** Ends the bridge, after the calls in flight. */
  async close() {
    await this.#bridge?.end();
  }
}

/** One process of the bridge. */
class Bridge {
  isAlive = true;
  /** The reply to the first call. */
  hello;
  #process;
  #exited;
  #calls = new Map(); // the calls without a reply, by id
  #lastId = -1;
  #writing = Promise.resolve();

  constructor(program, settings) {
    this.#process = spawn(program, ['bridge'], { stdio: ['pipe', 'pipe', 'inherit'], windowsHide: true });
    this.#exited = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.once('error', (error) => this.#ended(`cannot be started: ${error.message}`));
    // A failed write is reported to its callback, below. Without a listener it would end this program.
    this.#process.stdin.on('error', () => {});
    createInterface({ input: this.#process.stdout })
      .on('line', (line) => this.#receive(line))
      // 'error' comes later in the same turn if the program cannot be started.
      .once('close', () => setImmediate(() => this.#ended('ended without a reply')));
    this.hello = this.call('hello', { bridge: 1, settings });
    this.hello.catch(() => this.end());
  }

  call(name, request) {
    const id = ++this.#lastId;
    const line = JSON.stringify({ id, call: name, request }) + '\n';
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject, outcome: 'NOT_SENT' });
      // One line at a time: the result of a write then belongs to one call.
      this.#writing = this.#writing.then(() => this.#write(id, line));
    });
  }

  async end() {
    this.isAlive = false;
    await this.#writing;
    this.#process.stdin.end();
    await this.#exited;
  }

  async #write(id, line) {
    const call = this.#calls.get(id);
    const { stdin } = this.#process;
    if (!call || !stdin.writable) return this.#fail(id, 'does not read its input any more');
    // From now on the bridge may have the line, whatever happens next …
    call.outcome = 'UNKNOWN';
    const error = await new Promise((written) => stdin.write(line, written));
    if (error?.code === 'EPIPE') {
      // … unless the system reports that a part of it was not taken. No incomplete line is carried out.
      call.outcome = 'NOT_SENT';
      this.#fail(id, 'does not read its input any more');
    }
  }

  #receive(line) {
    let reply;
    try {
      reply = JSON.parse(line);
    } catch {
      return; // A part of a line: the bridge was killed while it wrote.
    }
    // The bridge could not read a line, and so cannot say which call it was.
    if (reply.id === null) return this.#ended(`refused a line: ${reply.error.message}`);
    const call = this.#calls.get(reply.id);
    this.#calls.delete(reply.id);
    if (reply.ok) call?.resolve(reply.ok);
    else call?.reject(new FlexPayError(reply.error));
  }

  #ended(problem) {
    this.end();
    for (const id of this.#calls.keys()) this.#fail(id, problem);
  }

  #fail(id, problem) {
    this.isAlive = false;
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    const message = `the program flexpay ${problem}`;
    call?.reject(new FlexPayError({ code: 'BRIDGE', outcome: call.outcome, message }));
  }
}
