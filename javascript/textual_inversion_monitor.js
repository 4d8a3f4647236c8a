// The monitor: follows a training run over HTTP and draws it into every [data-ti-monitor] of the page.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const ACTIVE = new Set(["waiting", "running"]);
    const [QUICK, CALM, HIDDEN, RUNS_EVERY] = [700, 2500, 6000, 4000];

    class Monitor extends ti.Panel {
        constructor(place) {
            super(place.dataset.api);
            Object.assign(this, {place, runs: [], chosen: null, listed: 0});
            this.build();
            this.follow(null);
            this.loop();
        }

        build() {
            this.list = ti.make("select", {
                class: "ti-input ti-list",
                "aria-label": "Run",
                onchange: () => {
                    this.follow(this.list.value);
                    this.poke();
                },
            });
            this.state = ti.make("span", {class: "ti-state"});
            this.filled = ti.make("div", {class: "ti-filled"});
            this.bar = ti.make("div", {class: "ti-bar", role: "progressbar", "aria-label": "Steps"}, this.filled);
            this.figures = ti.make("div", {class: "ti-figures"});
            this.latest = ti.make("div", {class: "ti-latest"});
            this.advice = ti.make("div", {class: "ti-advice"});
            this.prompt = ti.make("div", {class: "ti-prompt"});
            this.messages = ti.make("div", {class: "ti-messages"});
            this.charts = new ti.RunCharts();
            this.previews = new ti.Previews(this.root, (step) => this.kept.pick(step));
            this.buildParts();
            this.sheet = ti.make("div");
            this.place.replaceChildren(
                ti.make("div", {class: "ti-head"}, this.list, this.state),
                this.line.place,
                this.next.node,
                this.bar,
                this.figures,
                this.buttons,
                this.kept.place,
                this.note,
                this.latest,
                this.advice,
                this.sheet,
                this.previews.node,
                this.charts.node,
                this.prompt,
                this.messages,
            );
            new ResizeObserver(() => this.draw()).observe(this.place);
        }

        // What is done to runs: those that wait, the one that is shown, its kept steps.
        buildParts() {
            const follow = (run) => {
                this.follow(run);
                this.poke();
            };
            const changed = () => {
                this.listed = 0;
                this.poke();
            };
            this.line = new ti.Queue(ti.make("div", {class: "ti-queue"}), this.root, {changed, choose: follow});
            this.kept = new ti.Steps(ti.make("div", {class: "ti-steps"}), {
                act: (act, body) => this.act(act, body),
                // Not as one of the run's messages: the next of those would take its place.
                say: (kind, text) => {
                    this.tell(text, kind);
                    this.changed();
                },
                follow,
            });
            this.next = new ti.Next(
                this.root,
                {...this.place.dataset},
                {
                    use: (step) => this.kept.use(false, step),
                    resume: (run) => {
                        follow(run);
                        return this.act("resume", {});
                    },
                },
            );
            const button = (act, text, does = () => this.act(act, {})) => ti.button(text, does, {"data-act": act});
            this.total = ti.make("input", {type: "number", min: "1", class: "ti-input ti-total"});
            this.upTo = ti.make("label", {class: "ti-label"}, "up to step ", this.total);
            this.acts = {
                start: button("start", "Start"),
                interrupt: button("interrupt", "Interrupt"),
                pause: button("pause", "Pause"),
                resume: button("resume", "Resume", () => this.resume()),
                save: button("save", "Save now"),
                preview: button("preview", "Preview now"),
            };
            const {start, interrupt, pause, resume, save, preview} = this.acts;
            this.buttons = ti.make(
                "div",
                {class: "ti-line"},
                start,
                interrupt,
                pause,
                resume,
                this.upTo,
                save,
                preview,
            );
        }

        // Answers about the run that was shown before are not the new one's, though it be the same again.
        follow(run) {
            this.forget("events");
            Object.assign(this, {chosen: run, run: null, story: new ti.Story(), messageKey: ""});
            this.total.value = "";
            this.previews.clear();
            this.sheets = null;
            this.sheet.replaceChildren();
            this.kept.forget();
            this.tell("");
        }

        async loop() {
            while (this.place.isConnected) {
                const seen = !document.hidden && this.place.offsetParent !== null;
                let wait = seen ? CALM : HIDDEN;
                try {
                    await this.update();
                    if (seen && this.run && ACTIVE.has(this.run.state)) wait = QUICK;
                } catch (error) {
                    if (error.status === 404) this.follow(null);
                    this.state.textContent = error.status ? error.message : "The server does not answer; trying again.";
                    wait = CALM;
                }
                await new Promise((done) => {
                    this.wake = done;
                    setTimeout(done, wait);
                });
            }
        }

        poke() {
            if (this.wake) this.wake();
        }

        async update() {
            if (!this.listed || Date.now() - this.listed > RUNS_EVERY || !this.chosen) await this.updateRuns();
            if (this.chosen) await this.updateEvents();
            this.draw();
        }

        async updateEvents() {
            const {chosen, story} = this;
            for (let more = true; more;) {
                const answer = await this.ask(`runs/${chosen}/events`, {query: {after: story.number}});
                if (story !== this.story) return;
                const was = this.run && this.run.state;
                this.run = answer.run;
                answer.events.forEach((event) => story.add(event));
                if (was && was !== this.run.state) this.changed();
                more = answer.more;
            }
        }

        // A sheet that is made of what the run has taught, also one that the app makes by itself at the end.
        findSheet() {
            if (ACTIVE.has(this.run.state)) return;
            if (!this.sheets || this.sheets.name !== this.run.name) {
                this.sheets = new ti.SheetProgress(this.root, this.run.name);
            }
            if (!this.sheet.children.length) this.sheet.replaceChildren(this.sheets.node);
            this.sheets.find();
        }

        async updateRuns() {
            this.runs = (await this.ask("runs")).runs;
            this.listed = Date.now();
            const states = this.runs.map((run) => `${run.id} ${run.state}`).join();
            if (this.states !== undefined && this.states !== states) this.tellOthers();
            this.states = states;
            const first = (is) => this.runs.find(is);
            const begin =
                first((run) => run.state === "running") ||
                first((run) => ACTIVE.has(run.state)) ||
                first((run) => run.state !== "resumable");
            if (!this.chosen && begin) this.follow(begin.id);
            if (this.run) this.findSheet();
            this.drawList();
            await this.line.show(this.runs, this.chosen);
        }

        changed() {
            this.listed = 0;
            this.tellOthers();
        }

        // Cards, lists and the Library read the folder again.
        tellOthers() {
            document.dispatchEvent(new CustomEvent("ti-embeddings-changed"));
        }

        resume() {
            const total = Number(this.total.value);
            return this.act("resume", total > 0 && total !== this.run.total_steps ? {steps: total} : {});
        }

        // The server's answer; undefined where it refused, which is told.
        async act(act, body) {
            const answer = await this.attempt(() => this.ask(`runs/${this.chosen}/${act}`, {body}));
            this.listed = 0;
            this.poke();
            return answer;
        }

        drawList() {
            const rows = this.runs.map((run) => [run.id, `${run.name} · ${standing(run)}`]);
            const key = JSON.stringify(rows) + this.chosen;
            if (key === this.listKey || document.activeElement === this.list) return;
            this.listKey = key;
            if (!this.chosen) rows.unshift(["", this.runs.length ? "Choose a run" : "No runs yet"]);
            this.list.replaceChildren(...rows.map(([value, text]) => ti.make("option", {value, text})));
            this.list.value = this.chosen || "";
            this.list.hidden = !this.runs.length;
        }

        draw() {
            const {run, story} = this;
            const state = run ? run.state : "";
            this.place.dataset.state = state || "none";
            this.place.dataset.run = this.chosen || "";
            this.state.textContent = this.stateText(run);
            const share = run && run.total_steps ? Math.min(1, run.step / run.total_steps) : 0;
            this.filled.style.width = `${(share * 100).toFixed(2)}%`;
            this.bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
            const kept = [...story.kept.keys()].sort((a, b) => a - b);
            this.drawFigures(run);
            this.drawButtons(state);
            this.next.show(run, kept, this.chosen ? [] : this.runs);
            this.kept.show(run, kept, ACTIVE.has(state));
            this.advice.replaceChildren(...((run && run.advice) || []).map((text) => note("warning", text)));
            this.charts.draw(story);
            this.previews.draw(story, this.chosen);
            this.drawMessages();
            this.prompt.textContent = story.newest ? `Last prompt: ${story.newest.prompt}` : "";
        }

        stateText(run) {
            if (!run && this.chosen) return "";
            if (!run && !this.runs.length)
                return "No run yet. Choose an embedding and its pictures, then Train Embedding.";
            if (!run) return "Nothing is being trained.";
            if (run.state === "running" && this.story.phase) return this.story.phase;
            if (run.cause === "checkpoint" && run.state === "interrupted") return "stopped: another checkpoint";
            return state(run);
        }

        drawFigures(run) {
            const figures = run ? ti.runFigures(run, this.story) : [];
            while (this.figures.children.length > figures.length) this.figures.lastChild.remove();
            figures.forEach(([name, value, help = ""], index) => {
                if (!this.figures.children[index]) {
                    this.figures.append(ti.make("div", {class: "ti-figure"}, ti.make("span"), ti.make("b")));
                }
                const [label, shown] = this.figures.children[index].children;
                label.textContent = name;
                label.title = help;
                if (shown.textContent !== value) shown.textContent = value;
            });
        }

        drawButtons(state) {
            const [running, held, active] = [state === "running", state === "held", ACTIVE.has(state)];
            const ended = Boolean(state) && !active && !held;
            const queued = held || Boolean(this.run && this.run.place);
            const interrupt = active || held || state === "paused";
            const can = {start: queued, interrupt, pause: running, save: running, preview: running, resume: ended};
            for (const [act, button] of Object.entries(this.acts)) button.hidden = !can[act];
            this.acts.interrupt.textContent = queued ? "Remove from the queue" : "Interrupt";
            this.upTo.hidden = !ended;
            if (ended && !this.total.value && this.run.total_steps) this.total.value = this.run.total_steps;
        }

        drawMessages() {
            const key = `${this.chosen} ${this.story.number} ${this.story.messages.length}`;
            if (key === this.messageKey) return;
            this.messageKey = key;
            const told = this.story.latest;
            this.latest.className = `ti-latest ti-note-${told ? told.kind : "info"}`;
            this.latest.textContent = told ? told.text : "";
            const shown = this.story.messages
                .filter((message) => message !== told)
                .slice(-40)
                .reverse();
            this.messages.replaceChildren(...shown.map(({kind, text}) => note(kind, text)));
        }
    }

    const note = (kind, text) => ti.make("p", {class: `ti-note ti-note-${kind}`, text});

    function state(run) {
        if (run.state === "resumable") return "on disk";
        if (run.state === "held") return "queued before the restart";
        return run.place ? `waiting, number ${run.place}` : run.state;
    }

    function standing(run) {
        if (ACTIVE.has(run.state) || run.state === "held") return state(run);
        const of = run.state === "resumable" && run.total_steps ? ` of ${run.total_steps}` : "";
        return `${state(run)}, step ${run.step}${of}`;
    }

    // Places appear when Gradio draws a tab, and again when it redraws one.
    const monitors = ti.onPlaces("[data-ti-monitor]", (place) => new Monitor(place), {unseen: true});
    document.addEventListener("ti-run-started", (event) => {
        for (const monitor of monitors.values()) {
            monitor.follow(event.detail);
            monitor.listed = 0;
            monitor.poke();
        }
    });
    document.addEventListener("visibilitychange", () => {
        for (const monitor of monitors.values()) monitor.poke();
    });
});
