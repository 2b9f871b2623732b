import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import type { PersonCall, PersonMethods, PersonReply } from "./person-process.ts";

/** A call that a person's process refused. `code` is the ConnectionError's, if it was one. */
export class PersonFailure extends Error {
  override readonly name = "PersonFailure";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The demo's hold on a person: a process of its own, with an account folder of its own. */
export class Person implements AsyncDisposable {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, PromiseWithResolvers<never>>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended: Promise<void>;
  #nextId = 1;

  constructor(program: string, name: string, folder: string) {
    this.name = name;
    this.#child = fork(program, ["demo-person", folder], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#child.on("message", (reply: PersonReply) => this.#settle(reply));
    this.#ended = new Promise((resolve) => this.#child.once("exit", () => resolve()));
    this.#ended
      .then(() => {
        const failure = new PersonFailure("failed", `${name}'s process has ended`);
        this.#ready.reject(failure);
        for (const call of this.#calls.values()) call.reject(failure);
      })
      .catch(() => undefined);
    this.#ready.promise.catch(() => undefined);
  }

  /** Calls a method in the person's process. Throws PersonFailure. */
  async do<M extends keyof PersonMethods>(
    method: M,
    ...parameters: Parameters<PersonMethods[M]>
  ): Promise<Awaited<ReturnType<PersonMethods[M]>>> {
    await this.#ready.promise;
    const id = this.#nextId++;
    const call = Promise.withResolvers<never>();
    this.#calls.set(id, call);
    this.#child.send({
      id,
      method,
      parameters: parameters as unknown as readonly never[],
    } satisfies PersonCall);
    return call.promise;
  }

  #settle(reply: PersonReply): void {
    if (reply.id === 0) {
      this.#ready.resolve();
      return;
    }
    const call = this.#calls.get(reply.id);
    this.#calls.delete(reply.id);
    if ("error" in reply) call?.reject(new PersonFailure(reply.code, reply.error));
    else call?.resolve(reply.result as never);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }
}
