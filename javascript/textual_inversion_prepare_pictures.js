// Preprocess images: the settings, a preview of the first results, and the job with its report.
"use strict";

(() => {
    const QUICK = 500, SHOWN = 24, LISTED = 400;
    const OUTCOMES = [["made", "made"], ["there", "there already"], ["left out", "left out"], ["unreadable", "unreadable"], ["companion", "captions and masks"]];

    // Follows one job until it ends; `ended` is called then.
    class Job {
        constructor(app, ended) {
            const {make, button} = window.textualInversionPrepare;
            this.app = app;
            this.ended = ended;
            this.state = make("span", {class: "ti-state"});
            this.filled = make("div", {class: "ti-filled"});
            this.bar = make("div", {class: "ti-bar", role: "progressbar"}, this.filled);
            this.stop = button("Interrupt", () => this.app.ask(`prepare/jobs/${this.id}/interrupt`, {}).catch((error) => { this.state.textContent = error.message; }));
            this.notes = make("div", {class: "ti-notes"});
            this.filters = make("div", {class: "ti-line"});
            this.pictures = make("div", {class: "ti-results"});
            this.list = make("ul", {class: "ti-report"});
            this.node = make("div", {class: "ti-job", hidden: ""}, make("div", {class: "ti-line"}, this.state, this.stop), this.bar, this.notes, this.pictures, this.filters, this.list);
        }

        follow(id) {
            this.id = id;
            this.files = [];
            this.only = "";
            this.node.hidden = false;
            this.shown = 0;
            this.pictures.replaceChildren();
            this.list.replaceChildren();
            this.filters.replaceChildren();
            this.notes.replaceChildren();
            this.watch(id);
        }

        async watch(id) {
            for (let running = true; running && id === this.id && this.node.isConnected;) {
                try {
                    const job = await this.app.ask(`prepare/jobs/${id}?after=${this.files.length}`);
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
                await new Promise((done) => { setTimeout(done, QUICK); });
            }
        }

        draw(job) {
            const {make} = window.textualInversionPrepare;
            const share = job.total ? Math.min(1, job.done / job.total) : 0;
            this.filled.style.width = `${(share * 100).toFixed(1)}%`;
            this.bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
            this.node.dataset.state = job.state;
            this.state.textContent = job.state === "running" ? (job.total ? `${job.done} of ${job.total} pictures` : "beginning …") : job.message;
            this.stop.hidden = job.state !== "running";
            this.notes.replaceChildren(...job.notes.map((text) => make("p", {class: "ti-note", text})));
            for (const file of this.files) {
                if (this.shown >= SHOWN) break;
                if (file.drawn || file.outcome === "companion") continue;
                file.drawn = true;
                for (const name of file.results.slice(0, SHOWN - this.shown)) this.show(name, file);
            }
        }

        show(name, file) {
            const {make} = window.textualInversionPrepare;
            if (!/\.(png|jpe?g|webp|gif|bmp)$/i.test(name)) return;
            const image = make("img", {src: this.app.address(`prepare/jobs/${this.id}/picture`, {name, size: 192}), alt: name, title: [name, ...file.notes].join("\n"), loading: "lazy"});
            this.pictures.append(make("figure", {}, image, make("figcaption", {text: name})));
            this.shown++;
        }

        // The whole report, with what was not made first.
        finish(job) {
            this.draw(job);
            const {button} = window.textualInversionPrepare;
            const tally = (outcome) => this.files.filter((file) => file.outcome === outcome).length;
            const has = OUTCOMES.filter(([outcome]) => tally(outcome));
            const choose = (outcome) => {
                this.only = outcome;
                for (const each of this.filters.children) each.setAttribute("aria-pressed", String(each.dataset.outcome === outcome));
                this.report();
            };
            this.filters.replaceChildren(...has.map(([outcome, words]) => button(`${tally(outcome)} ${words}`, () => choose(outcome), {class: "ti-button ti-filter", "data-outcome": outcome})));
            const first = has.find(([outcome]) => ["unreadable", "left out"].includes(outcome)) || has[0];
            if (first) choose(first[0]);
            this.ended(job);
        }

        report() {
            const {make} = window.textualInversionPrepare;
            const files = this.files.filter((file) => file.outcome === this.only);
            const lines = files.slice(0, LISTED).map((file) => make("li", {}, make("b", {text: file.name}), make("span", {text: [file.reason, file.outcome === "made" ? file.results.join(", ") : "", ...file.notes].filter(Boolean).join(" ")})));
            if (files.length > LISTED) lines.push(make("li", {text: `… and ${files.length - LISTED} more`}));
            this.list.replaceChildren(...lines);
        }
    }

    class Pictures {
        constructor(app) {
            const {make, button} = window.textualInversionPrepare;
            this.app = app;
            this.form = new window.textualInversionForm(app.forms.start);
            this.note = make("p", {class: "ti-note"});
            this.previews = make("div", {class: "ti-results"});
            this.job = new Job(app, (job) => this.ended(job));
            this.next = make("div", {class: "ti-line", hidden: ""});
            const buttons = make("div", {class: "ti-line"}, button("Preview", () => this.preview()), button("Preprocess", () => this.start(), {class: "ti-button ti-primary"}));
            this.node = make("div", {class: "ti-columns"}, this.form.node, make("div", {class: "ti-side-panel"}, buttons, this.note, this.previews, this.job.node, this.next));
            this.again();
        }

        // A job that goes on since before the page was loaded is found again.
        async again() {
            const {jobs} = await this.app.ask("prepare/jobs").catch(() => ({jobs: []}));
            if (jobs.length && jobs[0].state === "running") this.job.follow(jobs[0].id);
        }

        async asked(path) {
            const {attempt} = window.textualInversionPrepare;
            this.form.forgive();
            return attempt(this.note, async () => {
                try {
                    return await this.app.ask(path, this.form.values());
                } catch (error) {
                    if (error.field && this.form.refuse(error.field, error.message)) throw new Error("Not started: see the field marked in the form.");
                    throw error;
                }
            });
        }

        async preview() {
            const {make} = window.textualInversionPrepare;
            this.previews.replaceChildren(make("p", {class: "ti-note", text: "Making the first results …"}));
            const answer = await this.asked("prepare/preview");
            this.previews.replaceChildren();
            if (!answer) return;
            for (const {name, pictures, notes} of answer.pictures) {
                if (!pictures.length) this.previews.append(make("figure", {class: "ti-none"}, make("figcaption", {text: `${name}: ${notes.join(" ")}`})));
                for (const {jpeg, size} of pictures) {
                    const image = make("img", {src: `data:image/jpeg;base64,${jpeg}`, alt: name, title: [name, ...notes].join("\n")});
                    this.previews.append(make("figure", {}, image, make("figcaption", {text: `${name}: ${size.join(" x ")}`})));
                }
            }
        }

        async start() {
            this.previews.replaceChildren();
            this.next.hidden = true;
            const answer = await this.asked("prepare/start");
            if (answer) this.job.follow(answer.job);
        }

        ended(job) {
            const {button} = window.textualInversionPrepare;
            if (job.state === "failed") return;
            this.app.choose(job.folder);
            this.next.hidden = false;
            this.next.replaceChildren(
                button("Edit captions", () => this.app.open("captions")),
                button("Check the folder", () => this.app.open("check")),
                button("Train on this folder", () => this.app.train(job.folder)));
        }
    }

    window.textualInversionPreparePanels = window.textualInversionPreparePanels || {};
    window.textualInversionPreparePanels.pictures = Pictures;
    window.textualInversionPrepareJob = Job;
})();
