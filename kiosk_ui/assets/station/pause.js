// A pause that is cut short when there is something to do, also by who said so while nobody paused yet.

export class Pause {
  #called = false;
  #end = () => {};

  end() {
    this.#called = true;
    this.#end();
  }

  async of(ms) {
    if (!this.#called) {
      await new Promise((done) => {
        const timer = setTimeout(done, ms);
        this.#end = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
    this.#called = false;
  }
}
