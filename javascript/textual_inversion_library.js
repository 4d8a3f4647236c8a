// The Library: all embeddings with their pictures, searched and sorted; what is done to them is told with a way back.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const SORTS = [
        ["name", "Name"],
        ["modified", "Newest first"],
        ["step", "Most steps"],
        ["vectors", "Most vectors"],
        ["size", "Largest"],
    ];
    const SEARCHED = ["name", "file", "kind", "format", "checkpoint_name", "checkpoint", "description", "notes"];

    class Library extends ti.Panel {
        constructor(place) {
            super(place.dataset.api);
            Object.assign(this, {place, entries: [], formats: [], chosen: null, seen: false});
            this.build();
        }

        build() {
            this.search = ti.make("input", {
                type: "search",
                class: "ti-input",
                placeholder: "Search names, notes, checkpoints",
                "aria-label": "Search",
                oninput: () => this.draw(),
            });
            this.sort = ti.select(SORTS, "name", {
                class: "ti-input",
                "aria-label": "Sort by",
                onchange: () => this.draw(),
            });
            this.count = ti.make("span", {class: "ti-lib-count"});
            this.extra = ti.make("div", {class: "ti-lib-extra"});
            this.grid = ti.make("div", {class: "ti-lib-grid"});
            this.details = new ti.LibraryDetails(this);
            this.message = ti.make("div", {class: "ti-lib-message"}, this.note);
            this.message.hidden = true;
            const opens = (name, text) => ti.button(text, () => this.open(name), {"data-act": name});
            this.trash = opens("trash", "Trash");
            this.place.replaceChildren(
                ti.make(
                    "div",
                    {class: "ti-line ti-lib-bar"},
                    this.search,
                    this.sort,
                    ti.button("Refresh", () => this.refresh(), {"data-act": "refresh"}),
                    this.count,
                    opens("extract", "Add from a file or picture"),
                    opens("combine", "Make a new one from others"),
                    this.trash,
                ),
                this.message,
                this.extra,
                ti.make("div", {class: "ti-lib-main"}, this.grid, this.details.node),
            );
        }

        // Read the folder when the tab comes into sight.
        look(inSight) {
            if (inSight && !this.seen) this.refresh();
            this.seen = inSight;
        }

        async refresh() {
            const found = await this.load(() => this.ask("embeddings"));
            if (!found) return;
            Object.assign(this, {entries: found.embeddings, formats: found.formats});
            this.trash.textContent = found.trash ? `Trash (${found.trash})` : "Trash";
            this.draw();
            this.details.update();
        }

        entry(file) {
            return this.entries.find((entry) => entry.file === file);
        }

        shown() {
            const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
            const text = (entry) => {
                const marks = [entry.negative ? "negative" : "", entry.error ? "unreadable" : ""];
                return [...SEARCHED.map((name) => entry[name]), ...marks].join(" ").toLowerCase();
            };
            const found = this.entries.filter((entry) => words.every((word) => text(entry).includes(word)));
            const key = this.sort.value;
            return key === "name" ? found : found.sort((a, b) => (b[key] || 0) - (a[key] || 0));
        }

        draw() {
            const shown = this.shown();
            const all = shown.length === this.entries.length;
            this.count.textContent = all
                ? ti.plural(shown.length, "embedding")
                : `${shown.length} of ${this.entries.length}`;
            const none = this.entries.length
                ? "Nothing matches the search."
                : "No embeddings yet: make one in Create, or add one from a file.";
            const cards = shown.map((entry) => this.card(entry));
            this.grid.replaceChildren(...(cards.length ? cards : [ti.make("p", {class: "ti-muted", text: none})]));
        }

        card(entry) {
            const about = entry.error ? "cannot be read" : `${entry.kind} · ${ti.plural(entry.vectors, "vector")}`;
            const step = entry.error ? "" : entry.step === null ? "step unknown" : `step ${entry.step}`;
            const negative = entry.negative || entry.pair === "negative";
            const mark = negative ? "negative" : entry.pair ? "pair" : "";
            return ti.make(
                "button",
                {
                    type: "button",
                    class: entry.error ? "ti-lib-card ti-lib-unreadable" : "ti-lib-card",
                    "data-file": entry.file,
                    "aria-pressed": String(entry.file === this.chosen),
                    title: entry.error || entry.file,
                    onclick: () => this.choose(entry.file),
                },
                this.thumbnail(entry, 256),
                ti.make("b", {text: entry.name}),
                ti.make("span", {text: about}),
                ti.make("span", {text: step}),
                mark ? ti.make("em", {text: mark}) : null,
            );
        }

        thumbnail(entry, size) {
            if (!entry.picture)
                return ti.make("i", {class: "ti-lib-blank", text: (entry.name || "?").slice(0, 1).toUpperCase()});
            const src = this.address("embeddings/picture", {file: entry.file, size, stamp: entry.picture});
            return ti.make("img", {src, alt: "", loading: "lazy"});
        }

        choose(file) {
            this.chosen = file;
            for (const card of this.grid.children)
                card.setAttribute("aria-pressed", String(card.dataset.file === file));
            return this.details.show(file);
        }

        // One form at a time above the list; the same button closes it again.
        async open(name, value) {
            const again = this.opened === name && value === undefined;
            this.opened = again ? null : name;
            this.extra.replaceChildren();
            if (again) return;
            const forms = await this.load(() => ti.forms(this.root, "embeddings"), "form");
            if (!forms) return;
            this.extra.replaceChildren(ti.libraryForms[name](this, forms, value));
            this.extra.scrollIntoView({block: "nearest"});
        }

        // Do something to an embedding, tell of it, and show what came of it.
        async act(route, body, {close = true} = {}) {
            const answer = await this.ask(`embeddings/${route}`, {body});
            if (close) {
                this.opened = this.details.opened = null;
                this.extra.replaceChildren();
            }
            if (answer.file !== undefined || route === "delete") this.chosen = answer.file || null;
            await this.refresh();
            if (this.chosen) await this.choose(this.chosen);
            else this.details.hide();
            this.tell(answer.message, "info", answer.undo);
            document.dispatchEvent(new CustomEvent("ti-embeddings-changed", {detail: "library"}));
            return answer;
        }

        tell(text, kind = "info", undo = []) {
            super.tell(text, kind);
            this.message.hidden = !text;
            this.message.classList.toggle("ti-lib-error", kind === "error");
            const back = ti.button("Undo", () => this.busy(back, () => this.takeBack(undo)), {"data-act": "undo"});
            this.message.replaceChildren(this.note, ...(undo.length ? [back] : []));
        }

        async takeBack(undo) {
            try {
                for (const call of undo.slice(0, -1)) await this.ask(call.route, {body: call.body});
                const {route, body} = undo.at(-1);
                await this.act(route.replace("embeddings/", ""), body);
                this.tell("Taken back.");
            } catch (error) {
                this.refuse(error);
            }
        }
    }

    const libraries = ti.onPlaces("[data-ti-library]", (place) => new Library(place), {unseen: true});
    document.addEventListener("ti-embeddings-changed", (event) => {
        if (event.detail === "library") return;
        for (const library of libraries.values()) if (library.seen) library.refresh();
    });
});
