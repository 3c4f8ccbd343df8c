/**
 * A client for `flexpay bridge`. Copy this file into your program: it needs Node 18 or later, and no
 * packages. docs/bridge.md describes the protocol: the calls, their requests and their results.
 *
 *     const flexpay = new FlexPay();
 *     const payment = await flexpay.call('pay', { reference: 'INVOICE-0017', amount: '25.50', … });
 *     await flexpay.close();
 */

import { spawn } from 'node:child_process';

/** How much longer than its time limit the reply to a call may take. Then the bridge hangs, and is killed. */
const MARGIN_MS = 5_000;
/** With a journal: how long a payment may wait for another program that writes to it. */
const JOURNAL_MS = 70_000;
/** How long the bridge may take to start. */
const START_MS = 10_000;
/** The longest time limit of a wait that has none of its own. */
const WAIT_MS = 600_000;
/** No timer of JavaScript is longer. */
const TIMER_MS = 2 ** 31 - 1;

/**
 * A call that failed. It has the fields of the protocol's error. The most important one is `outcome`:
 *
 * - NOT_SENT: nothing was sent. You may repeat the call.
 * - REFUSED: the gateway refused. Correct the cause first. If the reference was used before, check that
 *   payment first.
 * - UNKNOWN: a payment may have been made. Do not repeat it. Check first.
 *
 * Any other error of a call (a TypeError, for example) is like UNKNOWN.
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
  #timeoutMs = 0; // the time limit of a call; the reply to hello has it
  #marginMs = MARGIN_MS;
  #received = ''; // what is not a complete line yet
  #writing = Promise.resolve();
  #ending;

  constructor(program, settings) {
    this.#process = spawn(program, ['bridge'], { stdio: ['pipe', 'pipe', 'inherit'], windowsHide: true });
    this.#exited = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.once('error', (error) => this.#ended(`cannot be started: ${error.message}`));
    const { stdin, stdout } = this.#process;
    // A failed write is reported to its callback, below. Without a listener it would end this program.
    stdin.on('error', () => {});
    stdout.setEncoding('utf8');
    stdout.on('data', (text) => this.#receive(text));
    stdout.on('error', () => {}); // 'close' follows
    // 'error' comes later in the same turn if the program cannot be started.
    stdout.once('close', () => setImmediate(() => this.#ended('ended without a reply')));
    if (settings ? settings.journal : process.env.FLEXPAY_JOURNAL) this.#marginMs += JOURNAL_MS;
    this.hello = this.#greet(settings);
    this.hello.catch(() => this.end());
  }

  call(name, request) {
    return this.#call(name, request, waitMs(name, request) + this.#timeoutMs + this.#marginMs);
  }

  /** Lets the calls in flight end, and then the bridge. */
  end() {
    this.isAlive = false;
    return (this.#ending ??= this.#finish());
  }

  async #finish() {
    const timer = setTimeout(() => this.#kill('did not end'), this.#timeoutMs + this.#marginMs);
    await this.#writing;
    this.#process.stdin.end();
    await this.#exited;
    clearTimeout(timer);
  }

  async #greet(settings) {
    const reply = await this.#call('hello', { bridge: 1, settings }, START_MS);
    this.#timeoutMs = reply.timeout_ms ?? 0;
  }

  #call(name, request, limitMs) {
    const id = ++this.#lastId;
    const line = JSON.stringify({ id, call: name, request }) + '\n';
    return new Promise((resolve, reject) => {
      // The reply may be in the pipe, if this program itself stood still. It is read before setImmediate().
      const late = () => setImmediate(() => this.#calls.has(id) && this.#kill('did not reply in time'));
      const timer = setTimeout(late, Math.min(limitMs, TIMER_MS));
      this.#calls.set(id, { resolve, reject, timer, outcome: 'NOT_SENT' });
      // One line at a time: the result of a write then belongs to one call.
      this.#writing = this.#writing.then(() => this.#write(id, line));
    });
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

  #receive(text) {
    const lines = (this.#received + text).split('\n');
    this.#received = lines.pop();
    for (const line of lines) this.#settle(line);
  }

  /** Ends the call that a line is the reply to. */
  #settle(line) {
    const reply = parseReply(line);
    if (!reply) return this.#kill('replied with a line that cannot be read');
    // The bridge could not read a line, and so cannot say which call it was.
    if (reply.id === null) return this.#ended(`refused a line: ${reply.error?.message}`);
    const call = this.#take(reply.id);
    if (reply.ok) call?.resolve(reply.ok);
    else call?.reject(new FlexPayError(reply.error));
  }

  /** Ends a bridge that does not follow the protocol. */
  #kill(problem) {
    this.#process.kill('SIGKILL');
    // A process that the bridge started may still have its pipes.
    this.#process.stdin.destroy();
    this.#process.stdout.destroy();
    this.#ended(`${problem}, and was killed`);
  }

  #ended(problem) {
    this.end();
    for (const id of this.#calls.keys()) this.#fail(id, problem);
  }

  #fail(id, problem) {
    this.isAlive = false;
    const call = this.#take(id);
    const message = `the program flexpay ${problem}`;
    call?.reject(new FlexPayError({ code: 'BRIDGE', outcome: call.outcome, message }));
  }

  #take(id) {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    clearTimeout(call?.timer);
    return call;
  }
}

/** The time limit of a call that asks the gateway more than once. Its last question may take longer. */
function waitMs(name, request) {
  const options = { wait: request, settle: request?.wait, reconcile: request ?? {} }[name];
  return options ? options.timeout_ms || WAIT_MS : 0;
}

/** Returns undefined if a line is not a reply. */
function parseReply(line) {
  const isObject = (value) => typeof value === 'object' && value !== null;
  try {
    const reply = JSON.parse(line);
    return isObject(reply.ok ?? reply.error) ? reply : undefined;
  } catch {
    return undefined;
  }
}
