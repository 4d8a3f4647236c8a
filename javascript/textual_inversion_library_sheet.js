// Saved steps of one embedding compared: the form in which a sheet of prompts and steps is asked for.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const OF_THE_RUN = ["negative_prompt", "sampler", "sampling_steps", "guidance_scale", "width", "height"];
    const MARKED = 6;

    ti.StepsSheet = class extends ti.Panel {
        constructor({library, file, found}, forms) {
            super(library.root);
            Object.assign(this, {file, found});
            this.progress = new ti.SheetProgress(this.root, found.name);
            this.build(forms.sheets);
            this.fill();
            this.progress.find();
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
                after: [this.progress.node],
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
            this.progress.follow((await this.ask("embeddings/sheets", {body: {file: this.file, ...body}})).sheet);
        }
    };
});
