// The Library's forms: adding, making, renaming, converting, the card's picture, and the trash.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    // Above the list. Each gets the library, the fields of all forms, and what it is about.
    ti.libraryForms = {
        extract(library, forms) {
            const form = new ti.Form(forms.extract, {
                plain: true,
                only: ["data", "source", "name"],
            });
            return new ti.Dialog(library.root, {
                form,
                go: "Add",
                act: async ({data, source, name}) => {
                    const given = data ? {data: await ti.fileData(data), data_name: data.name} : {source};
                    await library.act("extract", {...given, name});
                },
            }).node;
        },

        combine(library, forms, first) {
            return new Combine(library, forms.combine, first).node;
        },

        trash(library) {
            return new TrashList(library).node;
        },
    };

    // A new embedding by arithmetic. Which fields count depends on what is done.
    class Combine {
        constructor(library, fields, first) {
            this.known = library.entries
                .filter((entry) => !entry.error)
                .map((entry) => [entry.file, `${entry.name} (${entry.kind}, ${entry.vectors})`]);
            this.list = ti.make("div", {class: "ti-lib-picked", id: "ti-lib-picked"});
            this.more = ti.button("And another", () => this.add(), {"data-act": "more"});
            const files = {node: ti.make("div", {}, this.list, this.more), read: () => this.rows().map(fileOf)};
            this.form = new ti.Form(fields, {
                plain: true,
                only: ["operation", "files", "factor", "count", "how", "name"],
                values: {operation: first ? "scale" : "average"},
                controls: {files},
            });
            this.add(first || (this.known[0] || [])[0]);
            if (!first) this.add();
            this.form.node.addEventListener("change", () => this.update());
            this.update();
            const act = (values) => library.act("combine", this.asked(values));
            this.node = new ti.Dialog(library.root, {
                form: this.form,
                go: "Make it",
                act,
            }).node;
        }

        get operation() {
            return this.form.values().operation;
        }

        get one() {
            return ["scale", "shorten"].includes(this.operation);
        }

        rows() {
            return [...this.list.children].filter((row) => !row.hidden);
        }

        add(chosen) {
            const taken = [...this.list.children].map(fileOf);
            const other = this.known.find(([file]) => !taken.includes(file)) || this.known[0] || [];
            const weight = {
                type: "number",
                class: "ti-input",
                step: "any",
                value: "1",
                title: "Weight",
                "aria-label": "Weight",
            };
            this.list.append(
                ti.make(
                    "div",
                    {class: "ti-line ti-lib-pick"},
                    ti.select(this.known, chosen || other[0], {class: "ti-input", "aria-label": "Embedding"}),
                    ti.make("input", weight),
                ),
            );
        }

        update() {
            const {operation, one, form} = this;
            form.show("factor", operation === "scale");
            for (const name of ["count", "how"]) form.show(name, operation === "shorten");
            this.more.hidden = one;
            while (!one && this.list.children.length < 2) this.add();
            [...this.list.children].forEach((row, index) => {
                row.hidden = one && index > 0;
                row.lastChild.hidden = operation !== "average";
            });
        }

        asked(values) {
            const weights = this.rows().map((row) => Number(row.lastChild.value));
            return this.operation === "average" ? {...values, weights} : values;
        }
    }

    const fileOf = (row) => row.firstChild.value;

    class TrashList extends ti.Panel {
        constructor(library) {
            super(library.root);
            this.library = library;
            this.rows = ti.make("ul", {class: "ti-lib-runs"});
            this.place = ti.make("p");
            this.node = ti.make(
                "div",
                {class: "ti-section ti-column"},
                ti.make("h4", {text: "Trash"}),
                this.place,
                this.rows,
                this.note,
            );
            this.read();
        }

        async read() {
            const found = await this.load(() => this.ask("embeddings/trash"));
            if (!found) return;
            const {trash, folder} = found;
            this.place.textContent = trash.length
                ? `These lie in ${folder}, where prompts do not find them.`
                : "The trash is empty.";
            this.rows.replaceChildren(...trash.map((item) => this.row(item)));
        }

        row(item) {
            const text = ` ${item.files.join(", ")}, deleted ${ti.when(item.deleted)} `;
            const back = () =>
                this.attempt(async () => {
                    await this.library.act("restore", {id: item.id}, {close: false});
                    await this.read();
                });
            const purge = ti.button("Delete for good", () => this.purge(item, purge), {"data-act": "purge"});
            return ti.make(
                "li",
                {},
                ti.make("b", {text: item.name}),
                ti.make("span", {text}),
                ti.button("Put back", back, {"data-act": "restore"}),
                purge,
            );
        }

        // Asked twice: there is no way back.
        purge(item, pressed) {
            if (!pressed.dataset.sure) {
                pressed.dataset.sure = "1";
                pressed.textContent = "Really? It cannot be undone";
                return undefined;
            }
            return this.attempt(async () => {
                await this.ask("embeddings/purge", {body: {id: item.id}});
                await this.read();
                this.library.refresh();
            });
        }
    }

    // Below the head of one embedding. Each gets its details, and the fields of all forms.
    ti.detailForms = {
        rename({library, file, found, root}, forms) {
            const form = new ti.Form(forms.rename, {
                plain: true,
                skip: ["file"],
                values: {name: found.name},
            });
            const act = ({name}) => library.act("rename", {file, name: name.trim()});
            return new ti.Dialog(root, {form, go: "Rename", act}).node;
        },

        convert({library, file, found, root}, forms) {
            const form = new ti.Form(forms.convert, {
                plain: true,
                skip: ["file"],
                values: {file_format: found.format === "safetensors" ? "a1111" : "safetensors"},
            });
            const link = (text) => ti.make("a", {class: "ti-button", text, download: ""});
            const [converted, plain] = [link("Download in this format"), link("Download the file")];
            const update = () => {
                const {file_format} = form.values();
                converted.href = ti.address(root, "embeddings/download", {file, file_format});
            };
            form.node.addEventListener("change", update);
            update();
            plain.href = ti.address(root, "embeddings/download", {file});
            const act = (values) => library.act("convert", {file, ...values});
            const dialog = new ti.Dialog(root, {form, go: "Convert here", act});
            dialog.buttons.append(converted, plain);
            return dialog.node;
        },

        picture({library, file, found, root}, forms) {
            const choose = (body) => dialog.attempt(() => library.act("picture", {file, ...body}));
            const shown = found.runs.flatMap((run) =>
                run.previews.map((picture) => {
                    const src = ti.address(root, "embeddings/picture", {file, run: run.id, picture, size: 192});
                    const text = picture
                        .replace(/\.png$/, "")
                        .split("-")
                        .at(-1);
                    const onclick = () => choose({run: run.id, picture});
                    return ti.make(
                        "button",
                        {type: "button", class: "ti-preview", title: picture, onclick},
                        ti.make("img", {src, alt: "", loading: "lazy"}),
                        ti.make("span", {text}),
                    );
                }),
            );
            const help = shown.length
                ? "Click a preview of its runs, or choose a file."
                : "No run of it has previews; choose a file.";
            const form = new ti.Form(forms.picture, {
                plain: true,
                only: ["data"],
            });
            const dialog = new ti.Dialog(root, {
                form,
                before: [ti.make("p", {text: help}), ti.make("div", {class: "ti-strip"}, ...shown)],
                go: "Use this file",
                act: async ({data}) => {
                    if (!data) throw Object.assign(new Error("Choose a picture first."), {field: "data"});
                    await library.act("picture", {file, data: await ti.pictureData(data)});
                },
            });
            if (found.picture)
                dialog.buttons.append(ti.button("No picture", () => choose({}), {"data-act": "no-picture"}));
            return dialog.node;
        },

        sheet(details, forms) {
            return new ti.StepsSheet(details, forms).node;
        },
    };
});
