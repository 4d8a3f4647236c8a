// Preprocess images: the settings, a preview of the first results, and the job with its report.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    class Pictures extends ti.Panel {
        constructor(app) {
            super(app.root);
            this.app = app;
            this.form = new ti.Form(app.forms.start);
            this.previews = ti.make("div", {class: "ti-results"});
            this.job = new ti.PrepareJob(this.root, (job) => this.ended(job));
            this.next = ti.make("div", {class: "ti-line", hidden: true});
            const preview = ti.button("Preview", () => this.busy(preview, () => this.preview()));
            const start = ti.button("Preprocess", () => this.busy(start, () => this.start()), {class: "ti-primary"});
            const buttons = ti.make("div", {class: "ti-line ti-actions"}, preview, start);
            this.node = ti.make(
                "div",
                {class: "ti-columns"},
                this.form.node,
                ti.make("div", {class: "ti-side-panel"}, buttons, this.note, this.previews, this.job.node, this.next),
            );
            this.again();
        }

        // A job that goes on since before the page was loaded is found again.
        async again() {
            const {jobs} = await this.ask("prepare/jobs").catch(() => ({jobs: []}));
            if (jobs.length && jobs[0].state === "running") this.job.follow(jobs[0].id);
        }

        refuse(error, form) {
            const beside = form && form.refuse(error);
            this.tell(beside ? "Not started: see the field marked in the form." : error.message, "error");
        }

        async preview() {
            this.previews.replaceChildren(ti.make("p", {text: "Making the first results …"}));
            const found = await this.attempt(() => this.ask("prepare/preview", {body: this.form.values()}), this.form);
            this.previews.replaceChildren(...(found ? found.pictures.flatMap(drawn) : []));
        }

        async start() {
            this.previews.replaceChildren();
            this.next.hidden = true;
            const told = await this.attempt(() => this.ask("prepare/start", {body: this.form.values()}), this.form);
            if (told) this.job.follow(told.job);
        }

        ended(job) {
            if (job.state === "failed") return;
            this.app.choose(job.folder);
            this.next.hidden = false;
            this.next.replaceChildren(
                ti.button("Edit captions", () => this.app.open("captions")),
                ti.button("Check the folder", () => this.app.open("check")),
                ti.button("Train on this folder", () => this.app.train(job.folder)),
            );
        }
    }

    // The results of one source; where there is none, why.
    function drawn({name, pictures, notes}) {
        const figure = (text, ...parts) => ti.make("figure", {}, ...parts, ti.make("figcaption", {text}));
        if (!pictures.length) {
            const none = figure(`${name}: ${notes.join(" ")}`);
            none.className = "ti-none";
            return [none];
        }
        const title = [name, ...notes].join("\n");
        return pictures.map(({jpeg, size}) => {
            const image = ti.make("img", {src: `data:image/jpeg;base64,${jpeg}`, alt: "", title});
            return figure(`${name}: ${size.join(" x ")}`, image);
        });
    }

    ti.preparePanels = {...ti.preparePanels, pictures: Pictures};
});
