// One embedding of the Library: its figures, its card's texts, its vectors, the runs that made it, and what can be
// done to it.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    ti.LibraryDetails = class extends ti.Panel {
        constructor(library) {
            super(library.root);
            Object.assign(this, {library, file: null, nearestWanted: false, typed: null});
            this.node = ti.make("div", {class: "ti-lib-details", hidden: true});
        }

        hide() {
            this.forget();
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
            if (file !== this.file) Object.assign(this, {typed: null, opened: null});
            this.file = file;
            this.tell("");
            const found = await this.load(async () => {
                const [told, forms] = await Promise.all([
                    this.ask("embeddings/details", {query: {file}}),
                    ti.forms(this.root, "embeddings"),
                ]);
                return {...told, forms};
            });
            if (!found) {
                if (this.note.textContent) this.draw(this.note);
                return;
            }
            if (this.opened) return; // a form that was opened meanwhile stays
            Object.assign(this, {found, stamp: found.modified});
            this.extra = ti.make("div", {class: "ti-lib-extra"});
            const readable = !found.error;
            this.draw(
                this.heading(),
                this.actions(readable),
                this.extra,
                ...(readable ? [this.texts(), this.vectors(), this.metadata()] : []),
                this.runs(),
            );
            if (readable && this.nearestWanted) this.nearest();
            if (matchMedia("(max-width: 900px)").matches)
                this.node.scrollIntoView({block: "start", behavior: "smooth"});
        }

        draw(...parts) {
            this.node.hidden = false;
            this.node.replaceChildren(...parts);
        }

        heading() {
            const {found} = this;
            const rows = found.error ? [["Cannot be read", found.error]] : this.facts();
            rows.push(["File", found.path], ["Size, date", `${ti.bytes(found.size)}, ${ti.when(found.modified)}`]);
            return ti.make(
                "div",
                {class: "ti-lib-head"},
                this.library.thumbnail(found, 512),
                ti.make("div", {}, ti.make("h3", {text: found.name}), definitions(rows)),
            );
        }

        facts() {
            const {kind, vectors, widths, step, checkpoint_name: name, checkpoint, format, token} = this.found;
            const sizes = Object.entries(widths).map(([key, width]) => (key === "*" ? width : `${key} ${width}`));
            const trained = [name, checkpoint && `[${checkpoint}]`].filter(Boolean).join(" ");
            return [
                ["Model", kind],
                ["Vectors", `${ti.plural(vectors, "vector")} of ${sizes.join(" + ")}`],
                ["Step", step === null ? "unknown" : String(step)],
                ["Trained on", trained || "unknown"],
                ["Format", format],
                ...(token && token !== this.found.name ? [["Name inside", token]] : []),
            ];
        }

        actions(readable) {
            const toggle = (name, text) => ti.button(text, () => this.open(name), {"data-act": name});
            const can = readable
                ? [
                      toggle("rename", "Rename"),
                      toggle("convert", "Convert or download"),
                      toggle("picture", "Set picture"),
                      toggle("sheet", "Compare steps"),
                      ti.button("Scale, shorten, join …", () => this.library.open("combine", this.file), {
                          "data-act": "arithmetic",
                      }),
                  ]
                : [];
            return ti.make(
                "div",
                {class: "ti-line"},
                ...can,
                ti.button("Delete", () => this.remove(), {"data-act": "delete"}),
            );
        }

        open(name) {
            this.opened = this.opened === name ? null : name;
            this.extra.replaceChildren(...(this.opened ? [ti.detailForms[name](this, this.found.forms)] : []));
        }

        remove() {
            return this.library.attempt(() => this.library.act("delete", {file: this.file}));
        }

        texts() {
            const {description, notes, negative} = this.typed || this.found;
            const form = new ti.Form(this.found.forms.card, {
                plain: true,
                skip: ["file"],
                values: {description, notes, negative},
            });
            const {node} = new ti.Dialog(this.root, {
                form,
                go: "Save notes",
                act: async (body) => {
                    this.typed = null;
                    try {
                        await this.library.act("card", {file: this.file, ...body}, {close: false});
                    } catch (error) {
                        this.typed = body;
                        throw error;
                    }
                },
            });
            // What was not saved yet outlives a picture that is set, or a run that saves, meanwhile.
            node.addEventListener("input", () => {
                this.typed = form.values();
            });
            return node;
        }

        vectors() {
            this.table = ti.make("table", {class: "ti-lib-table"});
            this.told = ti.make("p", {class: "ti-lib-told", role: "status"});
            this.askButton = ti.button(
                "Show nearest words",
                () => {
                    this.nearestWanted = true;
                    this.nearest();
                },
                {"data-act": "nearest"},
            );
            this.fill({});
            return ti.make(
                "section",
                {},
                ti.make("h4", {text: "Vectors"}),
                this.table,
                ti.make("div", {class: "ti-line"}, this.askButton),
                this.told,
            );
        }

        // ``encoders``: what the model says, by its own keys; a file with one encoder may call it "*".
        fill(encoders) {
            const [keys, known] = [Object.keys(this.found.figures), Object.keys(encoders)];
            const rows = keys.flatMap((key) => {
                const alone = keys.length === 1 && known.length === 1 ? encoders[known[0]] : null;
                const told = encoders[key] || alone;
                return this.found.figures[key].norms.map((norm, index) => {
                    const name = keys.length > 1 ? `${key} ${index + 1}` : String(index + 1);
                    return row("td", [name, norm.toFixed(3), ...(told ? nearestCells(told, norm, index) : [])]);
                });
            });
            const more = known.length ? ["Times the mean", "Nearest words of the model (cosine)"] : [];
            const titles = row("th", ["Vector", "Length", ...more]);
            this.table.replaceChildren(ti.make("thead", {}, titles), ti.make("tbody", {}, ...rows));
        }

        async nearest() {
            const {file, told} = this;
            this.askButton.hidden = true;
            told.textContent = "Asking the model …";
            try {
                const found = await this.ask("embeddings/nearest", {query: {file}});
                if (told !== this.told) return;
                this.fill(found.encoders);
                const drowns = "A length far above the mean drowns the other words of a prompt.";
                told.textContent = `Measured with ${found.checkpoint}. ${drowns}`;
            } catch (error) {
                told.textContent = error.message;
                if (told === this.told) this.askButton.hidden = false;
            }
        }

        metadata() {
            const pairs = Object.entries(this.found.metadata);
            return pairs.length
                ? ti.folded(`In the file (${pairs.length})`, "ti-lib-metadata", definitions(pairs))
                : ti.make("span");
        }

        runs() {
            const {runs} = this.found;
            if (!runs.length) return ti.make("span");
            const lines = runs.map((run) => {
                const reach = run.steps.length ? ` (${run.steps[0]} to ${run.steps.at(-1)})` : "";
                const saved = `${ti.plural(run.steps.length, "saved step")}${reach}`;
                const text = `${run.date}: ${saved}, ${ti.plural(run.previews.length, "preview")}. ${run.folder}`;
                const show = () => this.monitor(run.shown_as);
                return ti.make(
                    "li",
                    {},
                    ti.make("span", {text}),
                    run.shown_as ? ti.button("Show in Train", show, {"data-act": "monitor"}) : null,
                );
            });
            return ti.make(
                "section",
                {},
                ti.make("h4", {text: "Trained in"}),
                ti.make("ul", {class: "ti-lib-runs"}, ...lines),
            );
        }

        monitor(run) {
            ti.openTab("ti-tab-train");
            document.dispatchEvent(new CustomEvent("ti-run-started", {detail: run}));
        }
    };

    function definitions(rows) {
        return ti.make(
            "dl",
            {},
            ...rows.flatMap(([term, text]) => [ti.make("dt", {text: term}), ti.make("dd", {text})]),
        );
    }

    function row(tag, texts) {
        return ti.make("tr", {}, ...texts.map((text) => ti.make(tag, {text})));
    }

    // How long a vector is beside the model's own, and the words that it is nearest to.
    function nearestCells(told, norm, index) {
        const words = told.nearest[index].map((token) => `${token.text} ${token.similarity.toFixed(2)}`);
        return [(norm / told.mean_norm).toFixed(2), words.join(", ") || "none: it is all zeros"];
    }
});
