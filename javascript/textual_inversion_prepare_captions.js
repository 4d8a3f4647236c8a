// Edit captions: the pictures of a training folder with their captions; one or all of them changed, saved at once,
// undone.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const [AT_ONCE, TAGS, CHUNK] = [120, 80, 75];

    class Captions extends ti.Panel {
        constructor(app) {
            super(app.root);
            Object.assign(this, {app, pictures: [], limit: AT_ONCE});
            this.search = ti.make("input", {
                type: "search",
                class: "ti-input",
                placeholder: "Show captions with …",
                "aria-label": "Show captions with",
                oninput: () => this.draw(),
            });
            this.summary = ti.make("span", {class: "ti-muted"});
            this.undoButton = ti.button("Undo", () => this.undo());
            this.tags = ti.make("div", {class: "ti-tag-list"});
            this.gallery = ti.make("div", {class: "ti-gallery"});
            this.more = ti.button("Show more", () => {
                this.limit += AT_ONCE;
                this.draw();
            });
            this.out = ti.make("div", {class: "ti-excluded"});
            this.work = ti.make(
                "div",
                {class: "ti-column", hidden: true},
                ti.make("div", {class: "ti-line"}, this.search, this.summary, this.undoButton),
                this.together(),
                this.byModel(),
                ti.folded("Tags by frequency", "ti-section", this.tags),
                this.gallery,
                this.more,
                this.out,
            );
            this.node = ti.make(
                "div",
                {class: "ti-column"},
                app.folderLine(() => this.read(), "Show"),
                this.note,
                this.work,
            );
        }

        opened() {
            if (this.app.folder && this.app.folder !== this.loaded) this.read();
        }

        // What is done to all captions, or to those that are shown.
        together() {
            const fields = Object.fromEntries(this.app.forms.edit.map((field) => [field.name, field]));
            const {words} = fields.action;
            const text = (label) =>
                ti.make("input", {type: "text", class: "ti-input", placeholder: label, "aria-label": label});
            const [find, put, tag] = [text(fields.find.label), text("Replace by"), text(fields.text.label)];
            const edit = (title, change) => ti.button(title, () => this.edit(change()));
            const replace = () => ({action: "replace", find: find.value, text: put.value});
            return ti.make(
                "div",
                {class: "ti-section ti-column"},
                ti.make("div", {class: "ti-line"}, find, put, edit(words.replace, replace)),
                ti.make(
                    "div",
                    {class: "ti-line"},
                    tag,
                    edit(fields.first.label, () => ({action: "add", text: tag.value, first: true})),
                    edit("Add at the end", () => ({action: "add", text: tag.value})),
                    edit(words.remove, () => ({action: "remove", text: tag.value})),
                ),
            );
        }

        byModel() {
            const form = new ti.Form(this.app.forms.caption, {skip: ["folder", "recursive", "caption_to"]});
            const job = new ti.PrepareJob(this.root, () => this.read());
            const start = async () => {
                const body = {...form.values(), folder: this.loaded};
                const told = await this.attempt(() => this.ask("prepare/caption", {body}), form);
                if (told) job.follow(told.job);
            };
            return ti.folded(
                "Write captions with BLIP or deepbooru",
                "ti-section",
                form.node,
                ti.make("div", {class: "ti-line"}, ti.button("Write captions", start, {class: "ti-primary"})),
                job.node,
            );
        }

        async read() {
            const found = await this.app.readFolder(this);
            if (!found) {
                this.work.hidden = this.work.hidden || Boolean(this.note.textContent);
                return;
            }
            this.work.hidden = false;
            if (this.loaded !== found.asked) this.limit = AT_ONCE;
            Object.assign(this, {loaded: found.asked, version: Date.now(), pictures: found.pictures});
            this.show(found);
            this.drawExcluded(found.excluded);
            this.draw();
        }

        show({tags, undo}) {
            this.undoButton.disabled = !undo;
            this.undoButton.textContent = undo ? `Undo: ${undo}` : "Undo";
            if (!tags) return;
            const shown = tags.slice(0, TAGS).map(([tag, count]) =>
                ti.make("button", {
                    type: "button",
                    class: "ti-chip",
                    text: `${tag}  ${count}`,
                    onclick: () => {
                        this.search.value = tag;
                        this.draw();
                    },
                }),
            );
            if (tags.length > TAGS)
                shown.push(ti.make("span", {class: "ti-muted", text: `and ${tags.length - TAGS} more`}));
            this.tags.replaceChildren(...shown);
        }

        shown() {
            const wanted = this.search.value.trim().toLowerCase();
            const has = (text) => text.toLowerCase().includes(wanted);
            return wanted ? this.pictures.filter((each) => has(each.caption) || has(each.name)) : this.pictures;
        }

        draw() {
            const shown = this.shown();
            const without = this.pictures.filter((each) => !each.caption).length;
            const long = this.pictures.filter(isLong).length;
            this.summary.textContent = [
                `${shown.length} of ${this.pictures.length} pictures`,
                without ? `${without} without a caption` : "",
                long ? `${long} over ${CHUNK} tokens` : "",
            ]
                .filter(Boolean)
                .join(", ");
            const cards = shown.slice(0, this.limit).map((each) => new CaptionCard(this, each));
            this.gallery.replaceChildren(...cards.map((card) => card.node));
            this.more.hidden = shown.length <= this.limit;
        }

        async edit(change) {
            const names = this.search.value.trim() ? this.shown().map((each) => each.name) : [];
            if (this.search.value.trim() && !names.length) return;
            const folder = this.loaded;
            const told = await this.attempt(() => this.ask("prepare/edit", {body: {folder, names, ...change}}));
            if (!told || folder !== this.loaded) return;
            const changed = new Map(told.pictures.map((each) => [each.name, each]));
            this.pictures = this.pictures.map((each) => changed.get(each.name) || each);
            this.show(told);
            this.draw();
            this.tell(`${ti.plural(told.changed, "caption")} changed.`);
        }

        async undo() {
            const told = await this.change("undo", {});
            if (told) this.tell([`Undone: ${told.undone}.`, ...told.notes].join(" "));
        }

        // Something that changes which pictures there are, so the folder is read again.
        async change(route, body) {
            const told = await this.attempt(() => this.ask(`prepare/${route}`, {body: {folder: this.loaded, ...body}}));
            if (told) await this.read();
            return told;
        }

        drawExcluded(names) {
            const back = (name) => ti.button("Put back", () => this.change("restore", {name}));
            const lines = names.map((name) => ti.make("li", {}, ti.make("span", {text: name}), back(name)));
            const title = ti.make("h4", {text: `Taken out: ${names.length}`});
            this.out.replaceChildren(...(lines.length ? [title, ti.make("ul", {}, ...lines)] : []));
        }
    }

    const isLong = (each) => each.tokens > CHUNK;

    // A picture with its caption, which is saved when the person leaves the box.
    class CaptionCard extends ti.Panel {
        constructor(captions, each) {
            super(captions.root);
            Object.assign(this, {captions, each});
            const {loaded: folder, version} = captions;
            const src = this.address("prepare/picture", {folder, name: each.name, size: 256, version});
            this.box = ti.make("textarea", {
                class: "ti-input",
                rows: "4",
                "aria-label": `Caption of ${each.name}`,
                spellcheck: "false",
                disabled: Boolean(each.problem),
                onchange: () => this.save(),
                onkeydown: (event) => {
                    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.save();
                },
            });
            this.box.value = each.caption;
            this.facts = ti.make("span", {class: "ti-muted"});
            this.tell(each.problem, "error");
            this.drawFacts();
            const title =
                "Moves the picture with its caption and mask to a folder that is not trained on; nothing is deleted";
            const out = ti.button("Take out", () => captions.change("exclude", {name: each.name}), {title});
            this.node = ti.make(
                "div",
                {class: "ti-caption-card"},
                ti.make("img", {src, alt: "", loading: "lazy"}),
                ti.make(
                    "div",
                    {class: "ti-column"},
                    ti.make("b", {text: each.name}),
                    this.box,
                    ti.make("div", {class: "ti-line"}, this.facts, out),
                    this.note,
                ),
            );
        }

        drawFacts() {
            const {tokens, written, mask} = this.each;
            const counted = Number.isFinite(tokens) ? `${tokens}/${CHUNK} tokens` : "";
            const facts = [counted, written ? "" : "from the file name", mask ? "mask" : ""];
            this.facts.textContent = facts.filter(Boolean).join(" · ");
            this.facts.classList.toggle("ti-long", isLong(this.each));
        }

        async save() {
            const {box, each, captions} = this;
            if (box.value.trim() === each.caption.trim()) return;
            box.dataset.state = "saving";
            const body = {
                folder: captions.loaded,
                action: "set",
                names: [each.name],
                text: box.value,
                before: each.caption,
            };
            const told = await this.attempt(() => this.ask("prepare/edit", {body}));
            box.dataset.state = told ? "saved" : "";
            if (!told) return;
            Object.assign(each, told.pictures[0]);
            captions.show(told);
            this.drawFacts();
        }
    }

    ti.preparePanels = {...ti.preparePanels, captions: Captions};
});
