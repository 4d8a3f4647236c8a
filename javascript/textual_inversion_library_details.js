// One embedding of the Library: its figures, its card's texts, its vectors, the runs that made it, and what can be done to it.
"use strict";

window.textualInversionDetails = class {
    constructor(library) {
        Object.assign(this, {library, file: null, nearestWanted: false, typed: null});
        this.node = this.tools.make("div", {class: "ti-lib-details", hidden: true});
    }

    get tools() { return window.textualInversionTools; }

    hide() {
        this.file = null;
        this.node.hidden = true;
    }

    // The list was read again: is what is shown still there, and still the same?
    update() {
        if (!this.file) return;
        const entry = this.library.entry(this.file);
        if (!entry) this.hide();
        else if (entry.modified !== this.stamp && !this.opened && !this.typed) this.show(this.file);
    }

    async show(file) {
        if (file !== this.file) this.typed = null;
        this.file = file;
        const {ask, make} = this.tools;
        let found;
        try {
            found = await ask(this.library.root, "embeddings/details", {query: {file}});
        } catch (error) {
            if (this.file !== file) return;
            this.node.hidden = false;
            this.node.replaceChildren(make("p", {class: "ti-refusal", text: error.message}));
            return;
        }
        if (this.file !== file) return;
        this.found = found;
        this.stamp = found.modified;
        this.node.hidden = false;
        this.extra = make("div", {class: "ti-lib-extra"});
        this.opened = null;
        const readable = !found.error;
        this.node.replaceChildren(this.heading(), this.actions(readable), this.extra,
            ...(readable ? [this.texts(), this.vectors(), this.metadata()] : []), this.runs());
        if (readable && this.nearestWanted) this.nearest();
        if (matchMedia("(max-width: 900px)").matches) this.node.scrollIntoView({block: "start", behavior: "smooth"});
    }

    heading() {
        const {make, bytes, when, plural} = this.tools, found = this.found;
        const rows = found.error ? [["Cannot be read", found.error]] : [
            ["Model", found.kind], ["Vectors", `${plural(found.vectors, "vector")} of ${Object.entries(found.widths).map(([key, width]) => (key === "*" ? width : `${key} ${width}`)).join(" + ")}`],
            ["Step", found.step === null ? "unknown" : String(found.step)],
            ["Trained on", [found.checkpoint_name, found.checkpoint && `[${found.checkpoint}]`].filter(Boolean).join(" ") || "unknown"],
            ["Format", found.format], ...(found.token && found.token !== found.name ? [["Name inside", found.token]] : []),
        ];
        rows.push(["File", found.path], ["Size, date", `${bytes(found.size)}, ${when(found.modified)}`]);
        return make("div", {class: "ti-lib-head"}, this.library.thumbnail(found, 512),
            make("div", {}, make("h3", {text: found.name}), make("dl", {}, ...rows.flatMap(([term, value]) => [make("dt", {text: term}), make("dd", {text: value})]))));
    }

    actions(readable) {
        const {make, button} = this.tools, forms = window.textualInversionDetailForms;
        const toggle = (name, text) => button(text, () => this.open(name), name);
        const can = readable ? [toggle("rename", "Rename"), toggle("convert", "Convert or download"), toggle("picture", "Set picture"), toggle("sheet", "Compare steps"),
            button("Scale, shorten, join …", () => this.library.open("combine", this.file), "arithmetic")] : [];
        this.forms = forms;
        return make("div", {class: "ti-buttons"}, ...can, button("Delete", () => this.remove(), "delete"));
    }

    open(name) {
        this.opened = this.opened === name ? null : name;
        this.extra.replaceChildren(...(this.opened ? [this.forms[name](this)] : []));
    }

    async remove() {
        try {
            await this.library.act("delete", {file: this.file});
        } catch (error) {
            this.library.tell(error.message, [], true);
        }
    }

    texts() {
        const {make, field, form} = this.tools, found = this.found;
        const shown = this.typed || found;
        const description = make("input", {type: "text", value: shown.description});
        const notes = make("textarea", {rows: "3", text: shown.notes});
        const negative = make("input", {type: "checkbox", checked: shown.negative});
        const written = () => ({description: description.value, notes: notes.value, negative: negative.checked});
        const node = form("Notes", [
            field("description", "Description", description, "Shown on the card in the web UI."),
            field("notes", "Notes", notes),
            field("negative", "For the negative prompt", negative, "A click on its card writes the name there."),
        ], "Save notes", async () => {
            const body = written();
            this.typed = null;
            try {
                await this.library.act("card", {file: this.file, ...body}, {close: false});
            } catch (error) {
                this.typed = body;
                throw error;
            }
        });
        // What was not saved yet outlives a picture that is set, or a run that saves, meanwhile.
        node.addEventListener("input", () => { this.typed = written(); });
        return node;
    }

    vectors() {
        const {make, button} = this.tools;
        this.table = make("table", {class: "ti-lib-table"});
        this.told = make("p", {class: "ti-lib-told"});
        this.askButton = button("Show nearest words", () => { this.nearestWanted = true; this.nearest(); }, "nearest");
        this.fill({});
        return make("section", {}, make("h4", {text: "Vectors"}), this.table, make("div", {class: "ti-buttons"}, this.askButton), this.told);
    }

    // ``encoders``: what the model says, by its own keys; a file with one encoder may call it "*".
    fill(encoders) {
        const {make} = this.tools, keys = Object.keys(this.found.figures), known = Object.keys(encoders);
        const rows = keys.flatMap((key) => {
            const told = encoders[key] || (keys.length === 1 && known.length === 1 ? encoders[known[0]] : null);
            return this.found.figures[key].norms.map((norm, index) => {
                const words = told ? told.nearest[index].map((token) => `${token.text} ${token.similarity.toFixed(2)}`).join(", ") || "none: it is all zeros" : "";
                const cells = [keys.length > 1 ? `${key} ${index + 1}` : String(index + 1), norm.toFixed(3), ...(told ? [(norm / told.mean_norm).toFixed(2), words] : [])];
                return make("tr", {}, ...cells.map((text) => make("td", {text})));
            });
        });
        const titles = ["Vector", "Length", ...(known.length ? ["Times the mean", "Nearest words of the model (cosine)"] : [])];
        this.table.replaceChildren(make("thead", {}, make("tr", {}, ...titles.map((text) => make("th", {text})))), make("tbody", {}, ...rows));
    }

    async nearest() {
        const file = this.file;
        this.askButton.hidden = true;
        this.told.textContent = "Asking the model …";
        try {
            const found = await this.tools.ask(this.library.root, "embeddings/nearest", {query: {file}});
            if (file !== this.file) return;
            this.fill(found.encoders);
            this.told.textContent = `Measured with ${found.checkpoint}. A length far above the mean drowns the other words of a prompt.`;
        } catch (error) {
            if (file !== this.file) return;
            this.told.textContent = error.message;
            this.askButton.hidden = false;
        }
    }

    metadata() {
        const {make} = this.tools, pairs = Object.entries(this.found.metadata);
        if (!pairs.length) return make("span");
        return make("details", {class: "ti-lib-metadata"}, make("summary", {text: `In the file (${pairs.length})`}),
            make("dl", {}, ...pairs.flatMap(([key, value]) => [make("dt", {text: key}), make("dd", {text: value})])));
    }

    runs() {
        const {make, button, plural} = this.tools, runs = this.found.runs;
        if (!runs.length) return make("span");
        const line = (run) => make("li", {}, make("span", {text: `${run.date}: ${plural(run.steps.length, "saved step")}${run.steps.length ? ` (${run.steps[0]} to ${run.steps.at(-1)})` : ""}, ${plural(run.previews.length, "preview")}. ${run.folder}`}),
            run.shown_as ? button("Show in Train", () => this.monitor(run.shown_as), "monitor") : null);
        return make("section", {}, make("h4", {text: "Trained in"}), make("ul", {class: "ti-lib-runs"}, ...runs.map(line)));
    }

    monitor(run) {
        const page = this.node.closest(".ti-page") || document;
        const tab = [...page.querySelectorAll("button")].find((each) => each.textContent.trim() === "Train");
        if (tab) tab.click();
        document.dispatchEvent(new CustomEvent("ti-run-started", {detail: run}));
    }
};
