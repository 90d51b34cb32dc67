// Search in a page that was opened from a folder: browsers start no worker there, but a frame does its work.
if (location.protocol === "file:") {
  window.Worker = window.IFrameWorker = class extends EventTarget {
    constructor(script) {
      super();
      this.frame = Object.assign(document.createElement("iframe"), { hidden: true });
      this.loaded = new Promise((resolve) => (this.frame.onload = resolve));
      const url = new URL(script, document.baseURI).href.replaceAll('"', "%22");
      this.frame.srcdoc = `<script src="${url}"></script>`;
      document.body.append(this.frame);
    }

    async postMessage(data) {
      await this.loaded;
      const worker = this.frame.contentWindow;
      worker.postMessage = (answer) => this.dispatchEvent(new MessageEvent("message", { data: answer }));
      worker.dispatchEvent(new MessageEvent("message", { data }));
    }
  };
}
