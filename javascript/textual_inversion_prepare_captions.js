// Edit captions: the pictures of a training folder with their captions; one or all of them changed, saved at once, undone.
"use strict";

(() => {
    const AT_ONCE = 120, TAGS = 80, CHUNK = 75;

    class Captions {
        constructor(app) {
            const {make, button} = window.textualInversionPrepare;
            this.app = app;
            this.pictures = [];
            this.limit = AT_ONCE;
            this.note = make("p", {class: "ti-note"});
            this.search = make("input", {type: "search", class: "ti-input", placeholder: "Show captions with …", "aria-label": "Show captions with"});
            this.search.addEventListener("input", () => this.draw());
            this.summary = make("span", {class: "ti-muted"});
            this.undoButton = button("Undo", () => this.undo());
            this.tags = make("div", {class: "ti-tag-list"});
            this.gallery = make("div", {class: "ti-gallery"});
            this.moreButton = button("Show more", () => { this.limit += AT_ONCE; this.draw(); });
            this.out = make("div", {class: "ti-excluded"});
            this.work = make("div", {class: "ti-column", hidden: ""},
                make("div", {class: "ti-line"}, this.search, this.summary, this.undoButton),
                this.together(), this.byModel(),
                make("details", {class: "ti-section"}, make("summary", {text: "Tags by frequency"}), this.tags),
                this.gallery, this.moreButton, this.out);
            this.node = make("div", {class: "ti-column"}, app.folderLine(() => this.load(), "Show"), this.note, this.work);
        }

        opened() { if (this.app.folder && this.app.folder !== this.loaded) this.load(); }

        // What is done to all captions, or to those that are shown.
        together() {
            const {make, button} = window.textualInversionPrepare;
            const text = (label) => make("input", {type: "text", class: "ti-input", placeholder: label, "aria-label": label});
            const [find, put, tag] = [text("Search for"), text("Replace by"), text("Tag")];
            return make("div", {class: "ti-section ti-column"},
                make("div", {class: "ti-line"}, find, put, button("Replace in all shown", () => this.edit({action: "replace", find: find.value, text: put.value}))),
                make("div", {class: "ti-line"}, tag,
                    button("Add in front", () => this.edit({action: "add", text: tag.value, first: true})),
                    button("Add at the end", () => this.edit({action: "add", text: tag.value})),
                    button("Remove", () => this.edit({action: "remove", text: tag.value}))));
        }

        byModel() {
            const {make, button, attempt} = window.textualInversionPrepare;
            const form = new window.textualInversionForm(this.app.forms.caption, ["folder", "recursive", "caption_to"]);
            const note = make("p", {class: "ti-note"});
            const job = new window.textualInversionPrepareJob(this.app, () => this.load());
            const start = () => attempt(note, async () => {
                form.forgive();
                try {
                    job.follow((await this.app.ask("prepare/caption", {...form.values(), folder: this.loaded})).job);
                } catch (error) {
                    if (!error.field || !form.refuse(error.field, error.message)) throw error;
                }
            });
            return make("details", {class: "ti-section"}, make("summary", {text: "Write captions with BLIP or deepbooru"}), form.node,
                make("div", {class: "ti-line"}, button("Write captions", start, {class: "ti-button ti-primary"})), note, job.node);
        }

        async load() {
            const {attempt} = window.textualInversionPrepare;
            const folder = this.app.folder;
            const answer = await attempt(this.note, () => this.app.ask(`prepare/folder?${new URLSearchParams({folder})}`));
            this.work.hidden = !answer;
            if (!answer) return;
            if (this.loaded !== folder) this.limit = AT_ONCE;
            this.loaded = folder;
            this.version = Date.now();
            this.pictures = answer.pictures;
            this.told(answer);
            this.drawExcluded(answer.excluded);
            this.draw();
        }

        told({tags, undo}) {
            const {make, button} = window.textualInversionPrepare;
            this.undoButton.disabled = !undo;
            this.undoButton.textContent = undo ? `Undo: ${undo}` : "Undo";
            if (!tags) return;
            const shown = tags.slice(0, TAGS).map(([tag, count]) => button(`${tag}  ${count}`, () => { this.search.value = tag; this.draw(); }, {class: "ti-chip"}));
            if (tags.length > TAGS) shown.push(make("span", {class: "ti-muted", text: `and ${tags.length - TAGS} more`}));
            this.tags.replaceChildren(...shown);
        }

        shown() {
            const wanted = this.search.value.trim().toLowerCase();
            return wanted ? this.pictures.filter((each) => each.caption.toLowerCase().includes(wanted) || each.name.toLowerCase().includes(wanted)) : this.pictures;
        }

        draw() {
            const shown = this.shown();
            const without = this.pictures.filter((each) => !each.caption).length;
            const long = this.pictures.filter((each) => each.tokens > CHUNK).length;
            this.summary.textContent = [`${shown.length} of ${this.pictures.length} pictures`, without ? `${without} without a caption` : "", long ? `${long} over ${CHUNK} tokens` : ""].filter(Boolean).join(", ");
            this.gallery.replaceChildren(...shown.slice(0, this.limit).map((each) => this.card(each)));
            this.moreButton.hidden = shown.length <= this.limit;
        }

        card(each) {
            const {make, button} = window.textualInversionPrepare;
            const image = make("img", {src: this.app.address("prepare/picture", {folder: this.loaded, name: each.name, size: 256, version: this.version}), alt: each.name, loading: "lazy"});
            const box = make("textarea", {class: "ti-input", rows: "4", "aria-label": `Caption of ${each.name}`, spellcheck: "false"});
            const facts = make("span", {class: "ti-muted"});
            const problem = make("p", {class: "ti-refusal", text: each.problem});
            box.value = each.caption;
            box.disabled = Boolean(each.problem);
            const tell = () => {
                const tokens = Number.isFinite(each.tokens) ? `${each.tokens}/${CHUNK} tokens` : "";
                facts.textContent = [tokens, each.written ? "" : "from the file name", each.mask ? "mask" : ""].filter(Boolean).join(" · ");
                facts.classList.toggle("ti-long", each.tokens > CHUNK);
            };
            const save = async () => {
                if (box.value.trim() === each.caption.trim()) return;
                problem.textContent = "";
                box.dataset.state = "saving";
                try {
                    const answer = await this.app.ask("prepare/edit", {folder: this.loaded, action: "set", names: [each.name], text: box.value, before: each.caption});
                    Object.assign(each, answer.pictures[0]);
                    box.dataset.state = "saved";
                    this.told(answer);
                    tell();
                } catch (error) {
                    box.dataset.state = "";
                    problem.textContent = error.message;
                }
            };
            box.addEventListener("change", save);
            box.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save(); });
            tell();
            const foot = make("div", {class: "ti-line"}, facts, button("Take out", () => this.takeOut(each), {title: "Moves the picture with its caption and mask to a folder that is not trained on; nothing is deleted"}));
            return make("div", {class: "ti-caption-card"}, image, make("div", {class: "ti-column"}, make("b", {text: each.name}), box, foot, problem));
        }

        async edit(change) {
            const {attempt} = window.textualInversionPrepare;
            const names = this.search.value.trim() ? this.shown().map((each) => each.name) : [];
            if (this.search.value.trim() && !names.length) return;
            await attempt(this.note, async () => {
                const answer = await this.app.ask("prepare/edit", {folder: this.loaded, names, ...change});
                const changed = new Map(answer.pictures.map((each) => [each.name, each]));
                this.pictures = this.pictures.map((each) => changed.get(each.name) || each);
                this.told(answer);
                this.draw();
                this.note.textContent = `${answer.changed} caption${answer.changed === 1 ? "" : "s"} changed.`;
            });
        }

        async undo() {
            const {attempt} = window.textualInversionPrepare;
            await attempt(this.note, async () => {
                const answer = await this.app.ask("prepare/undo", {folder: this.loaded});
                await this.load();
                this.note.textContent = [`Undone: ${answer.undone}.`, ...answer.notes].join(" ");
            });
        }

        async takeOut(each) {
            const {attempt} = window.textualInversionPrepare;
            await attempt(this.note, async () => {
                await this.app.ask("prepare/exclude", {folder: this.loaded, name: each.name});
                await this.load();
            });
        }

        drawExcluded(names) {
            const {make, button, attempt} = window.textualInversionPrepare;
            const back = (name) => attempt(this.note, async () => {
                await this.app.ask("prepare/restore", {folder: this.loaded, name});
                await this.load();
            });
            const lines = names.map((name) => make("li", {}, make("span", {text: name}), button("Put back", () => back(name))));
            this.out.replaceChildren(...(names.length ? [make("h4", {text: `Taken out: ${names.length}`}), make("ul", {}, ...lines)] : []));
        }
    }

    window.textualInversionPreparePanels = window.textualInversionPreparePanels || {};
    window.textualInversionPreparePanels.captions = Captions;
})();
