// Saved steps of one embedding compared: a form, and the sheet of prompts and steps while it is being made.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const EVERY = 800;
    const OF_THE_RUN = ["negative_prompt", "sampler", "sampling_steps", "guidance_scale", "width", "height"];
    const MARKED = 6;

    ti.StepsSheet = class extends ti.Panel {
        constructor({library, file, found}, forms) {
            super(library.root);
            Object.assign(this, {file, found, sheet: null});
            this.build(forms.sheets);
            this.fill();
            this.find();
        }

        build(fields) {
            const {runs} = this.found;
            this.form = new ti.Form(fields, {
                plain: true,
                skip: runs.length ? ["file"] : ["file", "run", "steps"],
                controls: {run: this.runControl(runs), steps: this.stepsControl()},
            });
            this.dialog = new ti.Dialog(this.root, {
                form: this.form,
                before: runs.length
                    ? []
                    : [ti.make("p", {text: "No run of it kept copies, so there is only the file itself to look at."})],
                go: "Make the sheet",
                act: (body) => this.start(body),
                after: this.result(),
            });
            this.node = this.dialog.node;
        }

        runControl(runs) {
            const node = ti.select(
                runs.map((run) => [run.id, `${run.date}, ${run.folder.split(/[\\/]/).pop()}`]),
                undefined,
                {class: "ti-input"},
            );
            const kept = runs.find((run) => run.steps.length);
            if (kept) node.value = kept.id;
            node.addEventListener("change", () => this.fill());
            this.run = node;
            return {node, read: () => node.value};
        }

        stepsControl() {
            this.steps = ti.make("div", {class: "ti-choices ti-lib-steps"});
            const mark = (checked) =>
                this.boxes().forEach((box) => {
                    box.checked = checked;
                });
            const buttons = ti.make(
                "div",
                {class: "ti-line"},
                ti.button("All", () => mark(true), {"data-act": "all"}),
                ti.button("None", () => mark(false), {"data-act": "none"}),
            );
            const read = () =>
                this.boxes()
                    .filter((box) => box.checked)
                    .map((box) => Number(box.value));
            return {node: ti.make("div", {}, this.steps, buttons), read};
        }

        boxes() {
            return [...this.steps.querySelectorAll("input")];
        }

        result() {
            this.filled = ti.make("div", {class: "ti-filled"});
            this.bar = ti.make(
                "div",
                {class: "ti-bar", hidden: true, role: "progressbar", "aria-label": "Pictures"},
                this.filled,
            );
            const stop = () => this.attempt(() => this.ask(`embeddings/sheets/${this.sheet}/cancel`, {body: {}}));
            this.stop = ti.button("Stop", stop, {"data-act": "stop"});
            this.stop.hidden = true;
            this.picture = ti.make("div", {class: "ti-lib-sheet"});
            return [this.bar, this.note, this.stop, this.picture];
        }

        // The run's own preview settings are where most people want to begin.
        fill() {
            const run = this.found.runs.find((each) => each.id === this.run.value);
            const prompts = run ? run.prompts.filter((prompt) => prompt.includes(this.found.name)) : [];
            this.form.set({prompts: prompts.length ? prompts : [`a photo of ${this.found.name}`]});
            if (!run) return;
            this.form.set(Object.fromEntries(OF_THE_RUN.map((name) => [name, run[name]])));
            this.form.set({seed: Math.max(0, run.seed)});
            const every = Math.max(1, Math.ceil(run.steps.length / MARKED));
            const boxes = run.steps.map((step, index) => {
                const checked = (run.steps.length - 1 - index) % every === 0;
                const box = ti.make("input", {type: "checkbox", value: step, checked});
                return ti.make("label", {class: "ti-check"}, box, ti.make("span", {text: step}));
            });
            const none = ti.make("span", {text: "This run kept no copies (yet)."});
            this.steps.replaceChildren(...(boxes.length ? boxes : [none]));
        }

        async start(body) {
            this.sheet = (await this.ask("embeddings/sheets", {body: {file: this.file, ...body}})).sheet;
            this.follow();
        }

        // A sheet of this embedding that is being made, or was made last, is found again after a reload.
        async find() {
            const {sheets} = await this.ask("embeddings/sheets").catch(() => ({sheets: []}));
            const mine = sheets.find((sheet) => sheet.name === this.found.name);
            if (!mine || this.sheet) return;
            this.sheet = mine.id;
            this.follow();
        }

        async follow() {
            const {sheet} = this;
            let drawn = "";
            for (let active = true; active && this.node.isConnected;) {
                const told = await this.attempt(() => this.ask(`embeddings/sheets/${sheet}`));
                if (!told || sheet !== this.sheet) return;
                active = told.state === "waiting" || told.state === "running";
                this.show(told, active);
                const key = told.done + told.state;
                if (drawn !== key && (told.done || !active) && told.state !== "failed") this.draw(sheet, told.done);
                drawn = key;
                if (active) await new Promise((done) => setTimeout(done, EVERY));
            }
        }

        show({state, done, total, message}, active) {
            this.bar.hidden = this.stop.hidden = !active;
            this.filled.style.width = `${(100 * done) / total}%`;
            this.bar.setAttribute("aria-valuenow", String(Math.round((100 * done) / total)));
            const waits = state === "waiting" ? "Waiting for the model …" : `Picture ${done + 1} of ${total}`;
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
