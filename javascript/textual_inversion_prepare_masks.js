// Masks: which parts of a picture are learned. White is learned; what is darkened is not.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const LONGEST = 1024;
    const HELP =
        "Paint what should not be learned with the brush at 0 %. Masks count in training with 'Use mask files as " +
        "loss weight' (Train, Advanced). A few strokes are enough where 'Spread' finds the rest: it asks the loaded " +
        "checkpoint's VAE what looks like what you marked.";

    class Masks extends ti.Panel {
        constructor(app) {
            super(app.root);
            this.app = app;
            this.strip = ti.make("div", {class: "ti-mask-strip"});
            this.title = ti.make("b");
            this.tools = this.buildTools();
            this.stage = new ti.MaskCanvas(() => ({size: Number(this.size.value), share: Number(this.weight.value)}));
            this.node = ti.make(
                "div",
                {class: "ti-column"},
                app.folderLine(() => this.read(), "Show"),
                this.note,
                this.strip,
                ti.make("p", {class: "ti-help", text: HELP}),
                this.title,
                this.tools,
                this.stage.node,
            );
        }

        buildTools() {
            const range = (label, limits) => {
                const input = ti.make("input", {type: "range", "aria-label": label, ...limits});
                return [ti.make("label", {class: "ti-label"}, ti.make("span", {text: label}), input), input];
            };
            const [sizeLine, size] = range("Brush", {min: 2, max: 200, value: 48});
            const [weightLine, weight] = range("Learned, %", {min: 0, max: 100, value: 0});
            const graded = ti.make("input", {type: "checkbox"});
            Object.assign(this, {size, weight, graded});
            const {label, help} = this.app.forms.mask.find((field) => field.name === "graded");
            const words = ti.make("span", {text: label});
            const file = ti.make("input", {
                type: "file",
                accept: "image/*",
                hidden: true,
                onchange: () => {
                    if (file.files[0]) this.readFile(file.files[0]);
                    file.value = "";
                },
            });
            const spread = ti.button("Spread over what looks alike", () => this.busy(spread, () => this.spread()));
            return ti.make(
                "div",
                {class: "ti-line", hidden: true},
                sizeLine,
                weightLine,
                ti.make("label", {class: "ti-check", title: help}, graded, words),
                ti.button("Undo", () => this.stage.back()),
                spread,
                ti.button("All learned", () => this.stage.fill(100)),
                ti.button("Nothing learned", () => this.stage.fill(0)),
                ti.button("Invert", () => this.stage.invert()),
                ti.button("Load a mask …", () => file.click()),
                file,
                ti.button("Save mask", () => this.save(), {class: "ti-primary"}),
                ti.button("Remove mask", () => this.remove()),
            );
        }

        opened() {
            if (this.app.folder && this.app.folder !== this.loaded) this.read();
        }

        async read() {
            this.forget("mask");
            this.title.textContent = "";
            this.tools.hidden = true;
            this.stage.hide();
            const found = await this.app.readFolder(this);
            if (!found) return;
            this.loaded = found.asked;
            this.strip.replaceChildren(...found.pictures.map((each) => this.choiceOf(each)));
        }

        choiceOf({name, mask, graded}) {
            const src = this.address("prepare/picture", {folder: this.loaded, name, size: 96});
            const choice = ti.make(
                "button",
                {
                    type: "button",
                    class: mask ? "ti-mask-choice ti-has-mask" : "ti-mask-choice",
                    "aria-label": name,
                    "data-graded": graded ? "true" : "",
                    onclick: () => this.choose(name, choice),
                },
                ti.make("img", {src, alt: "", title: name, loading: "lazy"}),
            );
            return choice;
        }

        async choose(name, choice) {
            this.tell("");
            const query = {folder: this.loaded, name, size: LONGEST};
            const mask = await this.load(
                () => ti.bitmap(this.address("prepare/mask", {...query, version: Date.now()})),
                "mask",
            );
            if (!mask) return;
            Object.assign(this, {name, choice});
            await this.attempt(() => this.stage.show(this.address("prepare/picture", query), mask));
            for (const each of this.strip.children) each.setAttribute("aria-pressed", String(each === choice));
            this.title.textContent = name;
            this.graded.checked = Boolean(choice.dataset.graded);
            this.tools.hidden = false;
        }

        async readFile(file) {
            const source = URL.createObjectURL(file);
            const mask = await this.attempt(() => ti.bitmap(source));
            if (mask) this.stage.replace(mask, "grayscale(1)");
            URL.revokeObjectURL(source);
        }

        async spread() {
            const {name, loaded: folder} = this;
            this.tell("Looking at the picture …");
            const mask = await this.load(async () => {
                const {png} = await this.ask("prepare/spread-mask", {body: {folder, name, png: this.stage.drawn}});
                return ti.bitmap(`data:image/png;base64,${png}`);
            }, "mask");
            if (!mask) return;
            this.stage.replace(mask);
            this.tell("Spread. Undo brings back what you drew.");
        }

        async save() {
            const {choice, name, loaded: folder} = this;
            const body = {folder, name, png: this.stage.drawn, graded: this.graded.checked};
            const told = await this.attempt(() => this.ask("prepare/mask", {body}));
            if (!told) return;
            choice.classList.add("ti-has-mask");
            choice.dataset.graded = body.graded ? "true" : "";
            this.tell(`Saved ${told.mask}.`);
        }

        async remove() {
            const {choice, name, loaded: folder} = this;
            const sure = () => window.confirm(`Delete the mask of ${name}?`);
            if (!choice.classList.contains("ti-has-mask") || !sure()) return;
            const told = await this.attempt(() => this.ask("prepare/mask", {body: {folder, name, png: ""}}));
            if (!told) return;
            choice.classList.remove("ti-has-mask");
            choice.dataset.graded = "";
            if (choice !== this.choice) return;
            // What was drawn need not be what was saved: it can be had back.
            const query = {folder, name, size: LONGEST, version: Date.now()};
            const mask = await this.load(() => ti.bitmap(this.address("prepare/mask", query)), "mask");
            if (!mask) return;
            this.stage.replace(mask);
            this.tell("The mask was deleted. Undo brings back what you drew.");
        }
    }

    ti.preparePanels = {...ti.preparePanels, masks: Masks};
});
