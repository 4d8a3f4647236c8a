// A sheet that compares saved steps, while it is being made and when it is there.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const EVERY = 800;

    // name: of the embedding that the sheet is about.
    ti.SheetProgress = class extends ti.Panel {
        constructor(root, name) {
            super(root);
            Object.assign(this, {name, sheet: null});
            this.filled = ti.make("div", {class: "ti-filled"});
            this.bar = ti.make("div", {class: "ti-bar", role: "progressbar", "aria-label": "Pictures"}, this.filled);
            const stop = () => this.attempt(() => this.ask(`embeddings/sheets/${this.sheet}/cancel`, {body: {}}));
            this.stop = ti.button("Stop", stop, {"data-act": "stop"});
            this.picture = ti.make("div", {class: "ti-sheet"});
            this.node = ti.make("div", {class: "ti-column"}, this.bar, this.note, this.stop, this.picture);
            this.node.hidden = true;
        }

        // One of this name that is being made, or was made last, is found again after a reload.
        async find() {
            const {sheets} = await this.ask("embeddings/sheets").catch(() => ({sheets: []}));
            const mine = sheets.find((sheet) => sheet.name === this.name);
            if (mine && mine.id !== this.sheet) this.follow(mine.id);
        }

        async follow(sheet) {
            this.sheet = sheet;
            this.node.hidden = false;
            let drawn = "";
            for (let active = true; active;) {
                const told = await this.attempt(() => this.ask(`embeddings/sheets/${sheet}`));
                if (!told || sheet !== this.sheet) return;
                active = told.state === "waiting" || told.state === "running";
                this.show(told, active);
                const key = told.done + told.state;
                if (drawn !== key && (told.done || !active) && told.state !== "failed") this.draw(sheet, told.done);
                drawn = key;
                if (active) await new Promise((done) => setTimeout(done, EVERY));
                active = active && this.node.isConnected;
            }
        }

        show({state, done, total, message}, active) {
            this.bar.hidden = this.stop.hidden = !active;
            this.filled.style.width = `${(100 * done) / total}%`;
            this.bar.setAttribute("aria-valuenow", String(Math.round((100 * done) / total)));
            const waits = state === "waiting" ? "Waiting for the model …" : `Sheet: picture ${done + 1} of ${total}`;
            this.tell(active ? waits : message);
            this.node.dataset.sheet = state;
        }

        draw(sheet, done) {
            const src = this.address(`embeddings/sheets/${sheet}/picture`, {done});
            const image = ti.make("img", {src, alt: "Sheet of prompts and steps"});
            this.picture.replaceChildren(
                ti.make("a", {href: src, target: "_blank", title: "Open in full size"}, image),
            );
        }
    };
});
