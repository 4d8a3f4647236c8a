// One job of the Prepare tab: how far it is, the pictures it made, and a report of every file.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const [QUICK, SHOWN, LISTED] = [500, 24, 400];
    const OUTCOMES = [
        ["made", "made"],
        ["there", "there already"],
        ["left out", "left out"],
        ["unreadable", "unreadable"],
        ["companion", "captions and masks"],
    ];

    // Follows a job until it ends; `ended` is called then.
    ti.PrepareJob = class extends ti.Panel {
        constructor(root, ended) {
            super(root);
            this.ended = ended;
            this.state = ti.make("span", {class: "ti-state", role: "status"});
            this.filled = ti.make("div", {class: "ti-filled"});
            this.bar = ti.make("div", {class: "ti-bar", role: "progressbar", "aria-label": "Pictures"}, this.filled);
            const interrupt = () => this.attempt(() => this.ask(`prepare/jobs/${this.id}/interrupt`, {body: {}}));
            this.stop = ti.button("Interrupt", interrupt);
            this.notes = ti.make("div", {class: "ti-notes"});
            this.filters = ti.make("div", {class: "ti-line"});
            this.pictures = ti.make("div", {class: "ti-results"});
            this.list = ti.make("ul", {class: "ti-report"});
            const head = ti.make("div", {class: "ti-line"}, this.state, this.stop);
            this.node = ti.make(
                "div",
                {class: "ti-job", hidden: true},
                head,
                this.bar,
                this.note,
                this.notes,
                this.pictures,
                this.filters,
                this.list,
            );
        }

        follow(id) {
            Object.assign(this, {id, files: [], only: "", shown: 0});
            this.node.hidden = false;
            for (const part of [this.pictures, this.list, this.filters, this.notes]) part.replaceChildren();
            this.watch(id);
        }

        async watch(id) {
            for (let running = true; running && id === this.id && this.node.isConnected;) {
                try {
                    const job = await this.ask(`prepare/jobs/${id}`, {query: {after: this.files.length}});
                    if (id !== this.id) return;
                    this.files.push(...job.files);
                    this.draw(job);
                    running = job.state === "running" || job.more;
                    if (!running) this.finish(job);
                    else if (job.more) continue;
                } catch (error) {
                    this.state.textContent = error.status ? error.message : "The server does not answer; trying again.";
                    if (error.status) return;
                }
                await new Promise((done) => setTimeout(done, QUICK));
            }
        }

        draw(job) {
            const share = job.total ? Math.min(1, job.done / job.total) : 0;
            this.filled.style.width = `${(share * 100).toFixed(1)}%`;
            this.bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
            this.node.dataset.state = job.state;
            const reached = job.total ? `${job.done} of ${job.total} pictures` : "beginning …";
            this.state.textContent = job.state === "running" ? reached : job.message;
            this.stop.hidden = job.state !== "running";
            this.notes.replaceChildren(...job.notes.map((text) => ti.make("p", {class: "ti-note", text})));
            for (const file of this.files) {
                if (this.shown >= SHOWN) break;
                if (file.drawn || file.outcome === "companion") continue;
                file.drawn = true;
                for (const name of file.results.slice(0, SHOWN - this.shown)) this.show(name, file);
            }
        }

        show(name, file) {
            if (!/\.(png|jpe?g|webp|gif|bmp)$/i.test(name)) return;
            const src = this.address(`prepare/jobs/${this.id}/picture`, {name, size: 192});
            const image = ti.make("img", {src, alt: "", title: [name, ...file.notes].join("\n"), loading: "lazy"});
            this.pictures.append(ti.make("figure", {}, image, ti.make("figcaption", {text: name})));
            this.shown++;
        }

        // The whole report, with what was not made first.
        finish(job) {
            const tally = (outcome) => this.files.filter((file) => file.outcome === outcome).length;
            const has = OUTCOMES.filter(([outcome]) => tally(outcome));
            this.filters.replaceChildren(
                ...has.map(([outcome, words]) =>
                    ti.button(`${tally(outcome)} ${words}`, () => this.choose(outcome), {"data-outcome": outcome}),
                ),
            );
            const first = has.find(([outcome]) => ["unreadable", "left out"].includes(outcome)) || has[0];
            if (first) this.choose(first[0]);
            this.ended(job);
        }

        choose(outcome) {
            for (const each of this.filters.children) {
                each.setAttribute("aria-pressed", String(each.dataset.outcome === outcome));
            }
            const files = this.files.filter((file) => file.outcome === outcome);
            const lines = files.slice(0, LISTED).map((file) => {
                const results = outcome === "made" ? file.results.join(", ") : "";
                const text = [file.reason, results, ...file.notes].filter(Boolean).join(" ");
                return ti.make("li", {}, ti.make("b", {text: file.name}), ti.make("span", {text}));
            });
            if (files.length > LISTED) lines.push(ti.make("li", {text: `… and ${files.length - LISTED} more`}));
            this.list.replaceChildren(...lines);
        }
    };
});
