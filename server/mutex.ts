/** A first-in-first-out lock over asynchronous sections. */
export class Mutex {
  #tail: Promise<void> = Promise.resolve();
  #held = 0;

  get busy(): boolean {
    return this.#held > 0;
  }

  /** Runs `section` when all earlier ones are done. */
  async run<T>(section: () => T | Promise<T>): Promise<T> {
    const before = this.#tail;
    let release = (): void => {};
    this.#tail = new Promise((resolve) => {
      release = resolve;
    });
    this.#held++;
    try {
      await before;
      return await section();
    } finally {
      this.#held--;
      release();
    }
  }
}
