// Saved steps of one embedding compared: a form, and the sheet of prompts and steps while it is being made.
"use strict";

window.textualInversionSheet = class {
    constructor(details) {
        Object.assign(this, {library: details.library, file: details.file, found: details.found});
        this.root = this.library.root;
        this.build();
        this.find();
    }

    get tools() { return window.textualInversionTools; }

    build() {
        const {make, field, form, choices, button} = this.tools, runs = this.found.runs;
        this.run = choices(runs.map((run) => [run.id, `${run.date}, ${run.folder.split(/[\\/]/).pop()}`]));
        this.run.addEventListener("change", () => this.fill());
        const kept = runs.find((run) => run.steps.length);
        if (kept) this.run.value = kept.id;
        this.steps = make("div", {class: "ti-lib-steps"});
        this.current = make("input", {type: "checkbox", checked: true});
        const number = (value, more) => make("input", {type: "number", value: String(value), ...more});
        this.inputs = {
            prompts: make("textarea", {rows: "3"}), negative_prompt: make("input", {type: "text"}), sampler: make("input", {type: "text"}),
            sampling_steps: number(20), guidance_scale: number(7, {step: "any"}), seed: number(0), width: number(512, {step: "8"}), height: number(512, {step: "8"}),
        };
        const labels = {prompts: "Prompts, one a line", negative_prompt: "Negative prompt", sampler: "Sampling method", sampling_steps: "Sampling steps", guidance_scale: "CFG scale", seed: "Seed", width: "Width", height: "Height"};
        const fields = Object.entries(this.inputs).map(([name, input]) => field(name, labels[name], input));
        const small = make("div", {class: "ti-lib-row"}, ...fields.slice(2));
        this.node = form("Compare steps", [
            ...(runs.length ? [field("run", "Run", this.run), make("div", {class: "ti-lib-field"}, make("span", {class: "ti-lib-label", text: "Steps"}), this.steps,
                make("div", {class: "ti-buttons"}, button("All", () => this.mark(true), "all"), button("None", () => this.mark(false), "none")), make("small", {class: "ti-lib-wrong"}))]
                : [make("p", {text: "No run of it kept copies, so there is only the file itself to look at."})]),
            field("current", "The file as it is now, as a last column", this.current), ...fields.slice(0, 2), small,
        ], "Make the sheet", () => this.start());
        this.steps.dataset.field = "steps";
        this.state = make("p", {class: "ti-lib-told", role: "status"});
        this.bar = make("div", {class: "ti-bar", hidden: true}, make("div", {class: "ti-filled"}));
        this.stop = button("Stop", () => this.tools.ask(this.root, `embeddings/sheets/${this.sheet}/cancel`, {body: {}}).catch((error) => this.told(error)), "stop");
        this.stop.hidden = true;
        this.picture = make("div", {class: "ti-lib-sheet"});
        this.node.append(this.bar, this.state, this.stop, this.picture);
        this.fill();
    }

    // The run's own preview settings are where most people want to begin.
    fill() {
        const {make} = this.tools, run = this.found.runs.find((each) => each.id === this.run.value);
        const prompts = run && run.prompts.filter((prompt) => prompt.includes(this.found.name));
        this.inputs.prompts.value = (prompts && prompts.length ? prompts : [`a photo of ${this.found.name}`]).join("\n");
        if (!run) {
            this.inputs.sampler.value = "Euler a";
            return undefined;
        }
        for (const name of ["negative_prompt", "sampler", "sampling_steps", "guidance_scale", "width", "height"]) this.inputs[name].value = run[name];
        this.inputs.seed.value = Math.max(0, run.seed);
        if (!run.steps.length) return this.steps.replaceChildren(make("span", {text: "This run kept no copies (yet)."}));
        const every = Math.max(1, Math.ceil(run.steps.length / 6));
        return this.steps.replaceChildren(...run.steps.map((step, index) => make("label", {class: "ti-lib-check"},
            make("input", {type: "checkbox", value: String(step), checked: (run.steps.length - 1 - index) % every === 0}), make("span", {text: String(step)}))));
    }

    mark(checked) { for (const box of this.steps.querySelectorAll("input")) box.checked = checked; }

    async start() {
        const numbers = ["sampling_steps", "guidance_scale", "seed", "width", "height"];
        const settings = Object.fromEntries(Object.entries(this.inputs).map(([name, input]) => [name, numbers.includes(name) ? Number(input.value) : input.value]));
        const body = {
            ...settings, file: this.file, run: this.run.value, current: this.current.checked, prompts: this.inputs.prompts.value.split("\n"),
            steps: [...this.steps.querySelectorAll("input:checked")].map((box) => Number(box.value)),
        };
        this.sheet = (await this.tools.ask(this.root, "embeddings/sheets", {body})).sheet;
        this.follow();
    }

    // A sheet of this embedding that is being made, or was made last, is found again after a reload.
    async find() {
        const {sheets} = await this.tools.ask(this.root, "embeddings/sheets").catch(() => ({sheets: []}));
        const mine = sheets.find((sheet) => sheet.name === this.found.name);
        if (mine && !this.sheet) { this.sheet = mine.id; this.follow(); }
    }

    async follow() {
        const sheet = this.sheet;
        let drawn = null;
        do {
            let state;
            try {
                state = await this.tools.ask(this.root, `embeddings/sheets/${sheet}`);
            } catch (error) {
                this.told(error);
                return;
            }
            if (sheet !== this.sheet) return;
            const active = state.state === "waiting" || state.state === "running";
            this.bar.hidden = this.stop.hidden = !active;
            this.bar.firstChild.style.width = `${100 * state.done / state.total}%`;
            this.state.textContent = active ? (state.state === "waiting" ? "Waiting for the model …" : `Picture ${state.done + 1} of ${state.total}`) : state.message;
            this.node.dataset.sheet = state.state;
            if (drawn !== state.done + state.state && (state.done || !active) && state.state !== "failed") this.draw(sheet, state.done);
            drawn = state.done + state.state;
            if (!active) return;
            await new Promise((done) => { setTimeout(done, 800); });
        } while (this.node.isConnected);
    }

    draw(sheet, done) {
        const {make, address} = this.tools;
        const source = address(this.root, `embeddings/sheets/${sheet}/picture`, {done});
        const link = make("a", {href: source, target: "_blank", title: "Open in full size"}, make("img", {src: source, alt: "Sheet of prompts and steps"}));
        this.picture.replaceChildren(link);
    }

    told(error) { this.state.textContent = error.message; }
};
