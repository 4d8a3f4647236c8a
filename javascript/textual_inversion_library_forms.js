// The Library's forms: adding, making, renaming, converting, the card's picture, and the trash.
"use strict";

window.textualInversionLibraryForms = {
    extract(library) {
        const {make, field, form, fileData} = window.textualInversionTools;
        const file = make("input", {type: "file"});
        const source = make("input", {type: "text"}), name = make("input", {type: "text"});
        return form("Add from a file or picture", [
            field("data", "File", file, "A picture that carries an embedding (PNG, lossless WebP), or an embedding of any kind: .pt, .bin, .safetensors."),
            field("source", "or its path", source, "On the computer that this runs on."),
            field("name", "Name", name, "Empty: the name that is in the file."),
        ], "Add", async () => {
            const [chosen] = file.files;
            const body = chosen ? {data: await fileData(chosen), data_name: chosen.name} : {source: source.value};
            await library.act("extract", {...body, name: name.value});
        });
    },

    combine(library, first) {
        const {make, field, form, choices, button} = window.textualInversionTools;
        const known = library.entries.filter((entry) => !entry.error).map((entry) => [entry.file, `${entry.name} (${entry.kind}, ${entry.vectors})`]);
        const operation = choices([["scale", "Scale: stronger or weaker"], ["shorten", "Shorten: fewer vectors"], ["join", "Join: one after the other"], ["average", "Average: a mixture"]], first ? "scale" : "average");
        const list = make("div", {class: "ti-lib-picked"});
        const add = (chosen) => list.append(make("div", {class: "ti-lib-pick"}, choices(known, chosen),
            make("input", {type: "number", step: "any", value: "1", title: "Weight", "aria-label": "Weight"})));
        add(first || (known[0] || [])[0]);
        if (known.length > 1 && !first) add(known[1][0]);
        const more = button("And another", () => add((known[0] || [])[0]), "more");
        const factor = make("input", {type: "number", step: "any", value: "1.2"}), count = make("input", {type: "number", min: "1", value: "1"});
        const how = choices([["first", "keep the first ones"], ["mean", "means of neighbours"]]);
        const name = make("input", {type: "text"});
        const files = field("files", "Embeddings", list, "Weights count in an average only.");
        const fields = {factor: field("factor", "Factor", factor, "Above 1 it is heard more, below 1 less."), count: field("count", "Vectors to keep", count), how: field("how", "How", how)};
        const update = () => {
            const chosen = operation.value, one = chosen === "scale" || chosen === "shorten";
            fields.factor.hidden = chosen !== "scale";
            fields.count.hidden = fields.how.hidden = chosen !== "shorten";
            more.hidden = one;
            while (!one && list.children.length < 2) add((known.find(([file]) => file !== list.firstChild.firstChild.value) || known[0] || [])[0]);
            [...list.children].forEach((row, index) => { row.hidden = one && index > 0; row.lastChild.hidden = chosen !== "average"; });
        };
        operation.addEventListener("change", update);
        update();
        return form("Make a new one from others", [field("operation", "What", operation), files, more, fields.factor, fields.count, fields.how,
            field("name", "Name of the new one", name)], "Make it", async () => {
            const rows = [...list.children].filter((row) => !row.hidden);
            const numbers = operation.value === "average" ? {weights: rows.map((row) => Number(row.lastChild.value))} : {};
            await library.act("combine", {operation: operation.value, files: rows.map((row) => row.firstChild.value), factor: Number(factor.value),
                count: Number(count.value), how: how.value, name: name.value, ...numbers});
        });
    },

    trash(library) {
        const {make, button, ask, when} = window.textualInversionTools;
        const node = make("div", {class: "ti-lib-form"}, make("h4", {text: "Trash"}));
        const refusal = make("p", {class: "ti-refusal", role: "alert"});
        const attempt = (act) => async () => { try { await act(); } catch (error) { refusal.textContent = error.message; } };
        const read = async () => {
            const found = await ask(library.root, "embeddings/trash");
            const purge = (item) => {
                const sure = button("Delete for good", () => {
                    if (sure.dataset.sure) return attempt(async () => { await ask(library.root, "embeddings/purge", {body: {id: item.id}}); await read(); library.refresh(); })();
                    sure.dataset.sure = "1";
                    sure.textContent = "Really? It cannot be undone";
                    return undefined;
                }, "purge");
                return sure;
            };
            const lines = found.trash.map((item) => make("li", {}, make("b", {text: item.name}), make("span", {text: ` ${item.files.join(", ")}, deleted ${when(item.deleted)} `}),
                button("Put back", attempt(async () => { await library.act("restore", {id: item.id}, {close: false}); await read(); }), "restore"), purge(item)));
            const words = lines.length ? `These lie in ${found.folder}, where prompts do not find them.` : "The trash is empty.";
            node.replaceChildren(make("h4", {text: "Trash"}), make("p", {text: words}), make("ul", {class: "ti-lib-runs"}, ...lines), refusal);
        };
        attempt(read)();
        return node;
    },
};

window.textualInversionDetailForms = {
    rename(details) {
        const {make, field, form} = window.textualInversionTools;
        const name = make("input", {type: "text", value: details.found.name});
        return form("Rename", [field("name", "New name", name, "What you will type in prompts. Its picture and notes come along.")], "Rename",
            () => details.library.act("rename", {file: details.file, name: name.value.trim()}));
    },

    convert(details) {
        const {make, field, form, choices, address} = window.textualInversionTools, file = details.file;
        const format = choices(details.library.formats.map((each) => [each, each]), details.found.format === "safetensors" ? "a1111" : "safetensors");
        const name = make("input", {type: "text", placeholder: details.found.name}), replace = make("input", {type: "checkbox"});
        const link = make("a", {class: "ti-button", text: "Download in this format", download: ""});
        const update = () => { link.href = address(details.library.root, "embeddings/download", {file, file_format: format.value}); };
        format.addEventListener("change", update);
        update();
        const node = form("Convert or download", [
            field("file_format", "Format", format, "a1111: .pt for every web UI; png: a picture that carries it; diffusers, kohya, onetrainer, invoke: for those programs."),
            field("name", "Name of the new file", name, "Empty: the same, when the old file is replaced."),
            field("replace", "Replace the old file", replace, "It goes to the trash."),
        ], "Convert here", () => details.library.act("convert", {file, file_format: format.value, name: name.value, replace: replace.checked}));
        const plain = make("a", {class: "ti-button", text: "Download the file", download: "", href: address(details.library.root, "embeddings/download", {file})});
        node.querySelector(".ti-buttons").append(link, plain);
        return node;
    },

    picture(details) {
        const {make, field, form, button, address, pictureData} = window.textualInversionTools, {library, file, found} = details;
        const input = make("input", {type: "file", accept: "image/*"});
        const refusal = make("p", {class: "ti-refusal", role: "alert"});
        const choose = async (body) => { try { await library.act("picture", {file, ...body}); } catch (error) { refusal.textContent = error.message; } };
        const strip = make("div", {class: "ti-strip"}, ...found.runs.flatMap((run) => run.previews.map((picture) => {
            const image = make("img", {src: address(library.root, "embeddings/picture", {file, run: run.id, picture, size: 192}), alt: picture, title: picture, loading: "lazy"});
            return make("button", {type: "button", class: "ti-preview", onclick: () => choose({run: run.id, picture})}, image, make("span", {text: picture.replace(/\.png$/, "").split("-").slice(-1)[0]}));
        })));
        const node = form("Set picture", [make("p", {text: strip.children.length ? "Click a preview of its runs, or choose a file." : "No run of it has previews; choose a file."}), strip,
            field("data", "Picture file", input)], "Use this file", async () => {
            if (!input.files.length) throw Object.assign(new Error("Choose a picture first."), {field: "data"});
            await library.act("picture", {file, data: await pictureData(input.files[0])});
        });
        if (found.picture) node.querySelector(".ti-buttons").append(button("No picture", () => choose({}), "no-picture"));
        node.append(refusal);
        return node;
    },

    sheet(details) { return new window.textualInversionSheet(details).node; },
};
